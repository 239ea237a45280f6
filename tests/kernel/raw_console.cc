#include "tests/kernel/raw_console.h"

#include "libresume/platform/xen.h"

#include <xen/io/console.h>

#include "tests/kernel/instructions.h"
#include "tests/kernel/machine_state.h"

namespace kernel {
namespace {

uint64_t param(uint32_t index) noexcept {
    xen_hvm_param argument{.domid = DOMID_SELF, .pad = 0, .index = index, .value = 0};
    const long result = quiet_hypercall(__HYPERVISOR_hvm_op, HVMOP_get_param,
                                        reinterpret_cast<uintptr_t>(&argument));
    return result == 0 ? argument.value : 0;
}

}  // namespace

void raw_console_write(const char* data, uint32_t size) noexcept {
    const uint64_t page = param(HVM_PARAM_CONSOLE_PFN);
    const evtchn_send port{.port = static_cast<evtchn_port_t>(param(HVM_PARAM_CONSOLE_EVTCHN))};
    if (page == 0) {
        return;
    }
    auto& ring = *reinterpret_cast<volatile xencons_interface*>(page << 12);
    const uint64_t patience = read_tsc() + 2 * g_machine.hz;
    for (uint32_t i = 0; i < size; ++i) {
        while (ring.out_prod - ring.out_cons >= sizeof(ring.out)) {
            if (read_tsc() > patience) {
                return;
            }
            yield_cpu();
        }
        ring.out[MASK_XENCONS_IDX(ring.out_prod, ring.out)] = data[i];
        asm volatile("" : : : "memory");
        ring.out_prod = ring.out_prod + 1;
    }
    quiet_hypercall(__HYPERVISOR_event_channel_op, EVTCHNOP_send,
                    reinterpret_cast<uintptr_t>(&port));
}

}  // namespace kernel
