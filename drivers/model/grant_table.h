// The grant table of one domain: version, frames, and where the guest mapped them.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <memory>
#include <vector>

#include "drivers/model/fwd.h"
#include "drivers/model/memory.h"
#include "libresume/platform/xen.h"

namespace resume::model {

class GrantTable {
  public:
    explicit GrantTable(Machine& machine);

    /// GNTTABOP_* for one element: Xen's negative errno, or 0.
    long operate(unsigned op, void* argument);
    /// XENMEM_add_to_physmap, XENMAPSPACE_grant_table.
    long map(uint64_t index, Gfn gfn);
    /// A backend's GNTTABOP_map_grant_ref: the page, or null when `domain` has no such grant. The
    /// entry says that it is in use until as many unmap() came.
    std::byte* map_page(DomId domain, uint32_t reference, bool readonly);
    void unmap_page(uint32_t reference);
    /// A new domain: no mapping, version 1, only the reserved entries.
    void forget();

    [[nodiscard]] uint32_t version() const { return version_; }
    [[nodiscard]] uint32_t frames() const { return static_cast<uint32_t>(frames_.size()); }

  private:
    struct alignas(kPageSize) OwnPage {
        std::byte bytes[kPageSize];
    };
    struct Frame {
        std::unique_ptr<OwnPage> own;
        Gfn gfn = 0;
        bool mapped = false;
    };

    std::byte* page(uint32_t index);
    grant_entry_v1* entry(uint32_t reference);
    void grow(uint32_t count);
    [[nodiscard]] bool in_use();

    Machine& machine_;
    std::vector<Frame> frames_;
    uint32_t version_ = 1;
    std::map<uint32_t, uint32_t> mapped_;  ///< by reference: how often by backends
};

}  // namespace resume::model
