// The guest is away: asleep, an image, stopped, on its way to another host.
#include <cstring>

#include "drivers/model/kvm/host.h"
#include "drivers/model/machine.h"

namespace resume::model {

/// QEMU resets the machine when it wakes (qemu_system_wakeup_request); the TSC begins at 1
/// (x86_cpu_reset), KVM's clock goes on.
Waking KvmHost::sleep_s3() {
    sight_going_down();
    if (firmware_awake || !machine_.host().firmware_sleeps) {
        machine_.clock.spend(kMillisecond);
        machine_.sight(EventKind::evidence, static_cast<uint32_t>(DomainEvidence::same));
        return Waking::at_once;
    }
    sleeping_ = true;
    reset_cpus();
    machine_.timekeeping.freeze();
    while (sleeping_) {
        if (!machine_.clock.run_next(kNever)) {
            machine_.die(GuestEnd::left_down, "nothing wakes the guest from S3");
        }
    }
    machine_.timekeeping.arrive(machine_.host(), false);
    set_tsc(1, tsc_hz_);
    for (const auto& port : ports_) {
        port->reset();
    }
    if (devices_reset) {
        devices_reset();
    }
    machine_.sight(EventKind::evidence, static_cast<uint32_t>(DomainEvidence::fresh));
    return Waking::by_vector;
}

Result<Image> KvmHost::make_image() {
    sight_going_down();
    if (image_fate == ImageFate::refused) {
        return Errc::no_space;
    }
    if (image_fate == ImageFate::made) {
        machine_.sight(EventKind::evidence, static_cast<uint32_t>(DomainEvidence::same));
        return Image::made;
    }
    bool areas_kept = false;
    for (const Cpu& of : cpus_) {
        areas_kept = areas_kept || ((of.clock_msr | of.steal_msr) & KVM_MSR_ENABLED) != 0;
    }
    const uint64_t timer_entry = cpus_[0].timer_entry;
    reset_cpus();
    machine_.timekeeping.freeze();
    machine_.clock.spend(off_time);
    next_host();
    machine_.timekeeping.arrive(machine_.host(), false);
    set_tsc(machine_.host().tsc_start, machine_.host().tsc_hz);
    set_clock(boot_time);
    // The kernel that loaded the image is the same software, and has set its timer up alike.
    cpus_[0].timer_entry = timer_entry;
    image_loaded(areas_kept);
    for (const auto& port : ports_) {
        port->used_by_another();
    }
    if (devices_reset) {
        devices_reset();
    }
    machine_.sight(EventKind::evidence, static_cast<uint32_t>(DomainEvidence::fresh));
    return Image::restored;
}

/// It left its own areas registered just as the image's kernel did, and the host writes into what
/// is now the image's memory (4.6.4).
void KvmHost::image_loaded(bool areas_kept) {
    if (areas_kept) {
        machine_.sight(EventKind::page_clobbered, MSR_KVM_SYSTEM_TIME_NEW);
    }
}

void KvmHost::next_host() {
    host_ = (host_ + 1) % machine_.config.hosts.size();
    machine_.move_to(machine_.config.hosts[host_]);
}

/// QEMU saves and sets KVM's clock around every stop, and a stream carries the TSC's value.
void KvmHost::interrupt(KvmAct act, Nanoseconds away) {
    const bool moves = act != KvmAct::pause && act != KvmAct::migrate_fails;
    const Ticks tsc_then = tsc();
    const Nanoseconds clock_then = clock();
    machine_.timekeeping.freeze();
    machine_.clock.spend(away);
    if (moves) {
        next_host();
        const HostConfig& host = machine_.host();
        set_tsc(tsc_then, host.tsc_emulated ? tsc_hz_ : host.tsc_hz);
        if (!host.clock_carried) {
            set_clock(host.uptime);
        }
        for (uint32_t cpu = 0; cpu < cpus_.size() && host.steal_counter; ++cpu) {
            const uint64_t msr = cpus_[cpu].steal_msr;
            if ((msr & KVM_MSR_ENABLED) != 0) {
                const uint64_t address = msr & ~uint64_t{KVM_MSR_ENABLED};
                std::memcpy(machine_.memory.page(address / kPageSize) + address % kPageSize,
                            &*host.steal_counter, sizeof *host.steal_counter);
            }
        }
    }
    machine_.timekeeping.arrive(machine_.host(), false);
    if ((!moves || machine_.host().clock_carried) && !machine_.host().clock_counts_away) {
        set_clock(clock_then);
    }
    for (Cpu& of : cpus_) {
        of.stopped = machine_.host().says_stopped;
    }
    publish_all();
    if (act == KvmAct::snapshot || act == KvmAct::clone) {
        if (act == KvmAct::clone) {
            ++uuid_[0];
        }
        show_generation();
        raise(KvmSource::generation);
    }
    for (const auto& port : ports_) {
        if (moves) {
            port->arrived();
        }
    }
}

}  // namespace resume::model
