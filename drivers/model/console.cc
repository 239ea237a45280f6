#include "drivers/model/console.h"

#include <xen/io/console.h>

#include "drivers/model/machine.h"

namespace resume::model {

namespace {
// Nobody needs more of what a guest prints in a loop.
constexpr std::size_t kKept = 1u << 20;
}  // namespace

void Console::notified() {
    auto& ring = *reinterpret_cast<xencons_interface*>(machine_.memory.page(kConsoleGfn));
    const XENCONS_RING_IDX produced = ring.out_prod;
    if (produced - ring.out_cons > sizeof ring.out) {
        return;  // no ring could say so: xenconsoled drops it too
    }
    while (ring.out_cons != produced) {
        if (text_.size() < kKept) {
            text_.push_back(ring.out[MASK_XENCONS_IDX(ring.out_cons, ring.out)]);
        }
        ++ring.out_cons;
    }
    machine_.channels.raise(port_);
}

void Console::type(const std::string& text) {
    auto& ring = *reinterpret_cast<xencons_interface*>(machine_.memory.page(kConsoleGfn));
    for (const char c : text) {
        if (ring.in_prod - ring.in_cons == sizeof ring.in) {
            break;
        }
        ring.in[MASK_XENCONS_IDX(ring.in_prod, ring.in)] = c;
        ++ring.in_prod;
    }
    machine_.channels.raise(port_);
}

}  // namespace resume::model
