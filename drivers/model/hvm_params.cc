#include "drivers/model/hvm_params.h"

#include <cerrno>

#include "drivers/model/machine.h"

namespace resume::model {

long HvmParams::set(uint32_t index, uint64_t value) {
    switch (index) {
        case HVM_PARAM_CALLBACK_IRQ:
            if (value >> 56 == HVM_PARAM_CALLBACK_TYPE_VECTOR && !machine_.host().callback_vector) {
                return -EINVAL;
            }
            values_[index] = value;
            machine_.vcpus.set_callback(value);
            machine_.shared_info.latch_width();
            return 0;
        case HVM_PARAM_STORE_PFN:
        case HVM_PARAM_STORE_EVTCHN:
        case HVM_PARAM_CONSOLE_PFN:
        case HVM_PARAM_CONSOLE_EVTCHN:
        case HVM_PARAM_TRIPLE_FAULT_REASON:
            return -EPERM;
        default:
            values_[index] = value;
            return 0;
    }
}

long HvmParams::operate(unsigned op, void* argument) {
    if (op == HVMOP_set_evtchn_upcall_vector) {
        const auto& a = *static_cast<const xen_hvm_evtchn_upcall_vector_t*>(argument);
        if (!machine_.host().upcall_vector) {
            return -ENOSYS;
        }
        if (a.vector < 0x10) {
            return -EINVAL;
        }
        if (a.vcpu >= machine_.vcpus.count()) {
            return -ENOENT;
        }
        // hvmop_set_evtchn_upcall_vector asserts it at once, so that nothing pending is lost.
        machine_.vcpus.at(a.vcpu).upcall_vector = a.vector;
        machine_.vcpus.at(a.vcpu).lapic_requested = true;
        return 0;
    }
    if (op != HVMOP_get_param && op != HVMOP_set_param) {
        return -ENOSYS;
    }
    auto& a = *static_cast<xen_hvm_param_t*>(argument);
    if (a.domid != DOMID_SELF) {
        return -ESRCH;
    }
    if (a.index >= kCount) {
        return -EINVAL;
    }
    if (op == HVMOP_get_param) {
        if (a.index == HVM_PARAM_TRIPLE_FAULT_REASON) {
            return -EPERM;
        }
        a.value = values_[a.index];
        machine_.sight(EventKind::param_read, a.index, a.value);
        return 0;
    }
    const long result = set(a.index, a.value);
    if (result == 0) {
        machine_.sight(EventKind::param_written, a.index, a.value);
    }
    return result;
}

void HvmParams::keep_migrated() {
    std::array<uint64_t, kCount> kept{};
    for (const std::size_t index : std::initializer_list<std::size_t>{
             HVM_PARAM_STORE_PFN, HVM_PARAM_CONSOLE_PFN, HVM_PARAM_VIRIDIAN, HVM_PARAM_IDENT_PT,
             HVM_PARAM_VM_GENERATION_ID_ADDR, HVM_PARAM_ACPI_IOPORTS_LOCATION,
             HVM_PARAM_X87_FIP_WIDTH, HVM_PARAM_MCA_CAP, HVM_PARAM_VM86_TSS_SIZED}) {
        kept[index] = values_[index];
    }
    values_ = kept;
}

}  // namespace resume::model
