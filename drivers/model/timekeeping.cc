#include "drivers/model/timekeeping.h"

#include <cstddef>
#include <cstring>

#include "drivers/model/machine.h"

namespace resume::model {

namespace {

using Wide = unsigned __int128;

}  // namespace

Timekeeping::Timekeeping(Machine& machine)
    : machine_{machine},
      host_{&machine.config.hosts.front()},
      hz_{host_->tsc_hz},
      anchor_ticks_{host_->tsc_start},
      second_ticks_{host_->tsc_start} {
    set_scale(hz_);
}

void Timekeeping::set_scale(uint64_t hz) {
    hz_ = hz;
    shift_ = 0;
    uint64_t ticks_per_second = hz;
    while (ticks_per_second > 2 * kSecond) {
        ticks_per_second >>= 1;
        --shift_;
    }
    while (ticks_per_second <= kSecond) {
        ticks_per_second <<= 1;
        ++shift_;
    }
    mul_ = static_cast<uint32_t>((Wide{kSecond} << 32) / ticks_per_second);
}

Ticks Timekeeping::ticks() const {
    if (frozen_) {
        return anchor_ticks_;
    }
    // The seconds and the rest of them apart, so that 64 bits hold it all: a division of 128 bits
    // for each event would be most of what an event costs.
    const Nanoseconds now = machine_.clock.now();
    if (now - second_ >= kSecond) {
        const Nanoseconds seconds = (now - anchor_) / kSecond;
        second_ = anchor_ + seconds * kSecond;
        second_ticks_ = anchor_ticks_ + seconds * hz_;
    }
    return second_ticks_ + (now - second_) * hz_ / kSecond;
}

void Timekeeping::anchor(Ticks ticks) {
    anchor_ = second_ = machine_.clock.now();
    anchor_ticks_ = second_ticks_ = ticks;
}

Nanoseconds Timekeeping::when(Ticks ticks) const {
    if (ticks <= anchor_ticks_) {
        return anchor_;
    }
    constexpr Ticks kForEver = Ticks{1} << 62;
    const Ticks passed = ticks - anchor_ticks_;
    if (passed >= kForEver) {
        return kNever;
    }
    return anchor_ + passed / hz_ * kSecond + (passed % hz_ * kSecond + hz_ - 1) / hz_;
}

Nanoseconds Timekeeping::system_time() const {
    return host_->uptime + machine_.clock.now();
}

Nanoseconds Timekeeping::when_system(Nanoseconds system) const {
    const Nanoseconds present = system_time();
    return machine_.clock.now() + (system > present ? system - present : 0);
}

// A seqlock as Xen writes it, even and larger after; nobody reads while it is odd here. Copied,
// since a guest with a bug may have registered any address.
void Timekeeping::write_time(std::byte* at, const Stamp& now) const {
    vcpu_time_info time;
    std::memcpy(&time, at, sizeof time);
    time.version += 2;
    time.tsc_timestamp = now.ticks;
    time.system_time = now.system;
    time.tsc_to_system_mul = mul_;
    time.tsc_shift = shift_;
    std::memcpy(at, &time, sizeof time);
}

void Timekeeping::publish(uint32_t cpu, const Stamp& now) {
    if (machine_.kvm) {
        return;
    }
    const Vcpu& vcpu = machine_.vcpus.at(cpu);
    write_time(machine_.vcpus.info(cpu) + offsetof(vcpu_info, time), now);
    if (vcpu.time_area != nullptr) {
        write_time(vcpu.time_area, now);
    }
    machine_.vcpus.publish_runstate(cpu, now.system);
}

void Timekeeping::publish_all() {
    const Stamp now = stamp();
    for (uint32_t cpu = 0; cpu < machine_.vcpus.count(); ++cpu) {
        publish(cpu, now);
    }
}

void Timekeeping::publish_wall() {
    // The wall clock at system time 0: wall = wc + system_time (4.3.7).
    const auto now = static_cast<int64_t>(kWallStart * kSecond) + host_->wall_offset_ns;
    const auto base = static_cast<uint64_t>(now - static_cast<int64_t>(host_->uptime));
    machine_.shared_info.write_wall(++wall_version_ * 2, base / kSecond,
                                    static_cast<uint32_t>(base % kSecond));
}

void Timekeeping::freeze() {
    anchor(ticks());
    frozen_ = true;
}

void Timekeeping::arrive(const HostConfig& host, bool new_domain) {
    // In a domain that only waited the counter went on; between save and restore it stood still.
    const Ticks held = ticks();
    host_ = &host;
    frozen_ = false;
    if (new_domain && !host.tsc_emulated) {
        const Wide passed = machine_.clock.now();
        set_scale(host.tsc_hz);
        anchor(host.tsc_start + static_cast<Ticks>(passed * host.tsc_hz / kSecond));
    } else {
        anchor(held);
    }
}

}  // namespace resume::model
