// A helper process that does what the daemon must not: the service manager's, by its socket, or a
// child of ours where no manager listens. Spoken to in lines.
#pragma once

#include <string>

#include "agent/base/unique_fd.h"

namespace resume::agent {

struct HelperPlace {
    std::string socket{};   ///< tried first: whoever listens there starts the helper
    std::string program{};  ///< started when nobody does
};

class Helper {
  public:
    Helper() = default;
    Helper(const Helper&) = delete;
    Helper& operator=(const Helper&) = delete;
    ~Helper() { let_go(); }

    /// Returns 0 or an errno. The descriptor blocks.
    int start(const HelperPlace& place);
    [[nodiscard]] int fd() const noexcept { return fd_.get(); }
    [[nodiscard]] bool running() const noexcept { return fd_.valid(); }
    /// All of it, or an errno.
    int send(const std::string& text) const;

    /// Hangs up. The helper ends by itself; a child of ours is not waited for.
    void let_go() noexcept;
    /// Hangs up, and waits for a child of ours.
    void end() noexcept;

  private:
    int spawn(const std::string& program);

    UniqueFd fd_{};
    int pid_ = 0;
};

}  // namespace resume::agent
