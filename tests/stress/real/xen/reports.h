// What the agent of a guest tells its host: data/resume/last in the guest's part of the store.
#pragma once

#include <optional>
#include <string>

#include "tests/stress/real/witness.h"
#include "tests/stress/real/xen/domain.h"

namespace resume::stress::real {

class StoreReports final : public Reports {
  public:
    /// The guest is there now; a restore gives it another domain. `domain` must outlive its use.
    void look_at(const Domain& domain) noexcept { domain_ = &domain; }

    [[nodiscard]] bool here() const noexcept override { return here_; }
    void forget() override;
    std::optional<AgentReport> wait(std::chrono::milliseconds patience) override;

    /// As wait() would have it now, and may have it again.
    [[nodiscard]] std::optional<AgentReport> peek() const;

  private:
    const Domain* domain_ = nullptr;
    bool here_ = false;
    std::string known_;  ///< id of the report that was there last
};

}  // namespace resume::stress::real
