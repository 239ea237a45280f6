// Waiting in thread context for something that comes from outside.
#pragma once

#include "drivers/xen_guest/xen_guest.h"

namespace kernel {

/// Idles, moves the store on and calls `pump` until `reached` or so many seconds have passed; what
/// `reached` says in the end.
template <class Reached, class Pump>
bool wait_until(resume::Machine& machine, resume::XenGuest& guest, uint32_t seconds,
                Reached reached, Pump pump) noexcept {
    const uint64_t hz = counter_hz(machine);
    const resume::Ticks end = raw_counter(machine) + seconds * hz;
    while (!reached() && raw_counter(machine) < end) {
        wait_for_interrupt(machine, raw_counter(machine) + hz / 10);
        guest.pump();
        pump();
    }
    return reached();
}

}  // namespace kernel
