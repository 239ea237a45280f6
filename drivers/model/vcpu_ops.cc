// VCPUOP_*: registered areas and timers.
#include <cerrno>
#include <cstring>

#include "drivers/model/machine.h"

namespace resume::model {

std::byte* Vcpus::area(uint64_t guest_virtual) const {
    return guest_virtual == 0 || guest_virtual == ~uint64_t{0}
               ? nullptr
               : reinterpret_cast<std::byte*>(guest_virtual);
}

// Xen: map_guest_area (4.3.4). Once in a domain's life; all channels are marked pending so that
// none is lost, hence one spurious upcall.
long Vcpus::register_info(uint32_t cpu, const void* argument) {
    const auto& a = *static_cast<const vcpu_register_vcpu_info*>(argument);
    Vcpu& vcpu = vcpus_[cpu];
    if (vcpu.info != nullptr) {
        return machine_.host().vcpu_info_busy ? -EBUSY : -EINVAL;
    }
    if (cpu != current_ && !vcpu.down) {
        return -EINVAL;  // Xen 4.17: another vCPU's only while that one is down
    }
    if (a.offset > kPageSize - sizeof(vcpu_info)) {
        return -ENXIO;
    }
    if (a.offset % alignof(vcpu_info) != 0) {
        return -ENXIO;
    }
    if (machine_.memory.is_hole(a.mfn)) {
        return -EINVAL;
    }
    std::byte* const place = machine_.memory.page(a.mfn) + a.offset;
    std::memcpy(place, info(cpu), sizeof(vcpu_info));
    vcpu.info = place;
    const uint64_t all = ~uint64_t{0};
    if (machine_.shared_info.wide()) {
        std::memcpy(place + offsetof(vcpu_info, evtchn_pending_sel), &all, sizeof all);
    } else {
        std::memcpy(place + 4, &all, sizeof(uint32_t));
    }
    place[offsetof(vcpu_info, evtchn_upcall_pending)] = std::byte{0};
    raise_upcall(cpu);
    machine_.timekeeping.publish(cpu);
    return 0;
}

void Vcpus::stop_timer(Clock::EventId& timer) {
    machine_.clock.cancel(timer);
    timer = 0;
}

long Vcpus::arm(uint32_t cpu, const void* argument) {
    const auto& a = *static_cast<const vcpu_set_singleshot_timer*>(argument);
    if (cpu != current_) {
        return -EINVAL;
    }
    if ((a.flags & VCPU_SSHOTTMR_future) != 0 &&
        a.timeout_abs_ns < machine_.timekeeping.system_time()) {
        return -ETIME;
    }
    Vcpu& vcpu = vcpus_[cpu];
    stop_timer(vcpu.singleshot);
    vcpu.singleshot = machine_.clock.at(
        machine_.timekeeping.when_system(a.timeout_abs_ns) + machine_.jitter(50 * kMicrosecond),
        [this, cpu] {
            vcpus_[cpu].singleshot = 0;
            machine_.sight(EventKind::timer_fired, cpu);
            machine_.channels.raise_virq(cpu, VIRQ_TIMER);
        });
    machine_.sight(EventKind::timer_armed, cpu, a.timeout_abs_ns);
    return 0;
}

void Vcpus::arm_periodic(uint32_t cpu) {
    Vcpu& vcpu = vcpus_[cpu];
    stop_timer(vcpu.periodic);
    vcpu.periodic = machine_.clock.after(vcpu.period, [this, cpu] {
        machine_.sight(EventKind::timer_fired, cpu);
        machine_.channels.raise_virq(cpu, VIRQ_TIMER);
        arm_periodic(cpu);
    });
}

long Vcpus::operate(unsigned op, uint32_t cpu, void* argument) {
    if (cpu >= count()) {
        return -ENOENT;
    }
    Vcpu& vcpu = vcpus_[cpu];
    switch (op) {
        case VCPUOP_is_up:
            return vcpu.down ? 0 : 1;
        case VCPUOP_up:
            if (!vcpu.initialised) {
                return -EINVAL;
            }
            vcpu.down = false;
            return 0;
        case VCPUOP_down:
            vcpu.down = true;
            return 0;
        case VCPUOP_initialise:
            return std::exchange(vcpu.initialised, true) ? -EEXIST : 0;
        case VCPUOP_get_runstate_info: {
            auto& out = *static_cast<vcpu_runstate_info*>(argument);
            out = {};
            out.state = RUNSTATE_running;
            for (std::size_t i = 0; i < vcpu.runstate.size(); ++i) {
                out.time[i] = vcpu.runstate[i];
            }
            return 0;
        }
        case VCPUOP_register_runstate_memory_area:
            vcpu.runstate_area =
                area(static_cast<vcpu_register_runstate_memory_area*>(argument)->addr.p);
            publish_runstate(cpu, machine_.timekeeping.system_time());
            machine_.sight(EventKind::area_registered, op, cpu);
            return 0;
        case VCPUOP_register_vcpu_time_memory_area:
            vcpu.time_area = area(static_cast<vcpu_register_time_memory_area*>(argument)->addr.p);
            machine_.timekeeping.publish(cpu);
            machine_.sight(EventKind::area_registered, op, cpu);
            return 0;
        case VCPUOP_register_vcpu_info: {
            const long result = register_info(cpu, argument);
            const auto& a = *static_cast<const vcpu_register_vcpu_info*>(argument);
            machine_.sight(EventKind::vcpu_info_set, cpu, a.mfn, static_cast<int32_t>(result));
            return result;
        }
        case VCPUOP_set_periodic_timer:
            vcpu.period = static_cast<vcpu_set_periodic_timer*>(argument)->period_ns;
            if (vcpu.period < kMillisecond) {
                return -EINVAL;
            }
            arm_periodic(cpu);
            return 0;
        case VCPUOP_stop_periodic_timer:
            stop_timer(vcpu.periodic);
            return 0;
        case VCPUOP_set_singleshot_timer:
            return arm(cpu, argument);
        case VCPUOP_stop_singleshot_timer:
            if (cpu != current_) {
                return -EINVAL;
            }
            stop_timer(vcpu.singleshot);
            return 0;
        default:
            return -ENOSYS;
    }
}

}  // namespace resume::model
