// As little of a machine as the drivers' store client needs: two pages, a counter, no hypervisor.
#pragma once

#include <cstdint>

#include "libresume/platform/xen.h"

namespace resume {
inline namespace v0 {

struct Machine {
    static constexpr Gfn kSharedFrame = 2;
    static constexpr Gfn kAreaFrame = 3;
    static constexpr Gfn kStoreFrame = 4;
    static constexpr Port kStorePort = 1;

    void reset() noexcept;

    alignas(4096) char shared_page[4096] = {};
    alignas(4096) char area_page[4096] = {};
    alignas(4096) char store_page[4096] = {};
    TraceEvent events[64] = {};
    Trace trace{events, 64};
    mutable Ticks counter = 0;
    /// Called whenever the guest waits.
    void (*idle)(Machine& machine, void* argument) noexcept = nullptr;
    void* idle_argument = nullptr;
};

}  // namespace v0
}  // namespace resume
