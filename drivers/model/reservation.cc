#include "drivers/model/reservation.h"

#include <cerrno>

#include "drivers/model/machine.h"

namespace resume::model {

long Reservation::operate(unsigned op, void* argument) {
    const auto& a = *static_cast<const xen_memory_reservation*>(argument);
    if (a.domid != DOMID_SELF || a.extent_order != 0 || a.nr_extents == 0) {
        return -EINVAL;
    }
    const xen_pfn_t* const frames = a.extent_start.p;
    const bool gives = op == XENMEM_decrease_reservation;
    uint32_t done = 0;
    int32_t wrong = 0;
    for (; done < a.nr_extents; ++done) {
        const Gfn frame = frames[done];
        const bool there = !machine_.memory.is_hole(frame);
        if (gives && !there) {
            wrong = static_cast<int32_t>(a.nr_extents - done);
            break;
        }
        if (!gives && host_is_full) {
            break;
        }
        if (gives) {
            machine_.memory.make_hole(frame);
            ++given_;
        } else {
            wrong += there ? 1 : 0;  // another page takes its place, and what was in it is gone
            machine_.memory.make_ram(frame);
            given_ -= there ? 0 : 1;
        }
    }
    machine_.sight(gives ? EventKind::pages_given : EventKind::pages_fetched, done, frames[0],
                   wrong);
    return done;
}

}  // namespace resume::model
