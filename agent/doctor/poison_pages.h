// Pages that the kernel knows to be poisoned. The counter is cheap and read always; the map of all
// page flags is read only when the counter moved (rules of conduct, 6).
#pragma once

#include <stdint.h>

#include <optional>
#include <string>
#include <vector>

#include "agent/doctor/root.h"

namespace resume::agent::doctor {

struct PoisonedPages {
    uint64_t corrupted_kib = 0;  ///< HardwareCorrupted of /proc/meminfo; soft offlined ones too
    std::vector<uint64_t> addresses;  ///< guest-physical, of 4 KiB pages; at most kPoisonListMax
    uint64_t found = 0;               ///< pages found, listed or not
    std::string error;                ///< why there are no addresses; empty when there are
};
inline constexpr size_t kPoisonListMax = 1024;

/// HardwareCorrupted; nothing where the kernel has no such line.
std::optional<uint64_t> corrupted_kib(const Root& root);

/// Reads the flags of all pages (/proc/kpageflags, bit 19: KPF_HWPOISON). Needs root.
PoisonedPages scan_poisoned(const Root& root);

/// Says what is new: scans only when the counter is not what it was at the last look.
class PoisonWatch {
  public:
    /// The kernel said that it lost this page: counts where the page flags cannot be read.
    void hear(uint64_t address);
    /// What is known now, without making the next look() say less: the last look, or a scan when
    /// the counter has moved since.
    [[nodiscard]] PoisonedPages now(const Root& root) const;
    /// Pages known now, if the counter moved; nothing otherwise.
    std::optional<PoisonedPages> look(const Root& root);

  private:
    PoisonedPages known_;
    std::vector<uint64_t> heard_;
};

/// Addresses as the reports show them: "0x37ca000, 0x1fe00000 and 3 more".
std::string addresses_text(const PoisonedPages& pages, size_t most = 8);

}  // namespace resume::agent::doctor
