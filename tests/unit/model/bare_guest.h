// The barest guest: talks to the machine without any driver of ours, so that the model is tested
// for itself. Reads and writes the store by hand and keeps no promise of a real guest.
#pragma once

#include <cstring>
#include <string>

#include <xen/io/xs_wire.h>

#include "drivers/model/machine.h"

namespace resume::test {

struct StoreAnswer {
    uint32_t type = 0;
    std::string payload;
};

class BareGuest {
  public:
    explicit BareGuest(Machine& machine) : machine_{machine} {}

    uint64_t param(uint32_t index) {
        xen_hvm_param_t a{.domid = DOMID_SELF, .pad = 0, .index = index, .value = 0};
        return xen::hvm_op(machine_, HVMOP_get_param, a) == 0 ? a.value : 0;
    }
    long set_param(uint32_t index, uint64_t value) {
        xen_hvm_param_t a{.domid = DOMID_SELF, .pad = 0, .index = index, .value = value};
        return xen::hvm_op(machine_, HVMOP_set_param, a);
    }
    long map_shared_info(Gfn gfn) {
        xen_add_to_physmap a{.domid = DOMID_SELF,
                             .size = 0,
                             .space = XENMAPSPACE_shared_info,
                             .idx = 0,
                             .gpfn = gfn};
        gfn_ = gfn;
        return xen::memory_op(machine_, XENMEM_add_to_physmap, a);
    }
    shared_info& shared() { return *static_cast<shared_info*>(frame_address(machine_, gfn_)); }
    long bind_virq(uint32_t virq, uint32_t vcpu, Port& port) {
        evtchn_bind_virq a{.virq = virq, .vcpu = vcpu, .port = 0};
        const long result = xen::event_channel_op(machine_, EVTCHNOP_bind_virq, a);
        port = a.port;
        return result;
    }
    long send(Port port) {
        evtchn_send a{.port = port};
        return xen::event_channel_op(machine_, EVTCHNOP_send, a);
    }
    long shutdown(unsigned reason) {
        sched_shutdown a{.reason = reason};
        return xen::sched_op(machine_, SCHEDOP_shutdown, a);
    }
    long arm(Nanoseconds absolute, uint32_t flags = 0) {
        vcpu_set_singleshot_timer a{.timeout_abs_ns = absolute, .flags = flags};
        return xen::vcpu_op(machine_, VCPUOP_set_singleshot_timer, current_cpu(machine_), a);
    }
    long register_vcpu_info(uint32_t vcpu, void* area) {
        vcpu_register_vcpu_info a{};
        a.mfn = frame_of(machine_, area);
        a.offset = static_cast<uint32_t>(reinterpret_cast<uintptr_t>(area) & 4095);
        return xen::vcpu_op(machine_, VCPUOP_register_vcpu_info, vcpu, a);
    }
    Ticks in(Nanoseconds delay) {
        return raw_counter(machine_) + delay * counter_hz(machine_) / 1'000'000'000;
    }

    // The store, synchronously; watch events met on the way are kept.
    StoreAnswer ask(uint32_t type, const std::string& payload, uint32_t transaction = 0);
    void put_bytes(const std::string& bytes);
    std::string read(const std::string& path, uint32_t tx = 0) {
        const StoreAnswer answer = ask(XS_READ, path + '\0', tx);
        return answer.type == XS_ERROR ? "!" + std::string{answer.payload.c_str()} : answer.payload;
    }
    std::string write(const std::string& path, const std::string& value, uint32_t tx = 0) {
        return std::string{ask(XS_WRITE, path + '\0' + value, tx).payload.c_str()};
    }
    std::string watch(const std::string& path, const std::string& token) {
        return std::string{ask(XS_WATCH, path + '\0' + token + '\0').payload.c_str()};
    }
    /// Takes one message, waiting for it at most a virtual second; type XS_INVALID when none came.
    StoreAnswer take();

    std::vector<StoreAnswer> events;

  private:
    xenstore_domain_interface& ring() {
        return *static_cast<xenstore_domain_interface*>(
            frame_address(machine_, param(HVM_PARAM_STORE_PFN)));
    }
    std::string take_bytes(std::size_t count);

    Machine& machine_;
    Gfn gfn_ = 0;
    uint32_t request_ = 0;
};

}  // namespace resume::test
