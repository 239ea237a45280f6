// What the guest's MSRs do: the clock's pages, stolen time, the local APIC's timer.
#include <cstring>

#include "drivers/model/kvm/host.h"
#include "drivers/model/machine.h"

namespace resume::model {

namespace {

using Wide = unsigned __int128;

constexpr uint32_t kTscDeadlineMsr = 0x6e0;
constexpr uint32_t kTimerEntryMsr = 0x832;
constexpr uint64_t kEnabled = KVM_MSR_ENABLED;
constexpr uint8_t kTscStable = 1;
constexpr uint8_t kGuestStopped = 2;
constexpr uint64_t kPageMask = kPageSize - 1;

std::byte* at(Machine& machine, uint64_t address) {
    return machine.memory.page(address / kPageSize) + (address & kPageMask);
}

uint32_t read_version(const std::byte* from) {
    uint32_t version = 0;
    std::memcpy(&version, from, sizeof version);
    return version;
}

struct Scale {
    uint32_t mul;
    int8_t shift;
};

/// ns = ticks shifted by `shift`, times `mul`, >> 32.
Scale scale_of(uint64_t hz) {
    int8_t shift = 0;
    uint64_t ticks_per_second = hz;
    for (; ticks_per_second > 2 * kSecond; --shift) {
        ticks_per_second >>= 1;
    }
    for (; ticks_per_second <= kSecond; ++shift) {
        ticks_per_second <<= 1;
    }
    return {static_cast<uint32_t>((Wide{kSecond} << 32) / ticks_per_second), shift};
}

}  // namespace

Ticks KvmHost::tsc() const {
    const Wide passed = machine_.clock.now() - tsc_since_;
    return tsc_base_ + static_cast<Ticks>(passed * tsc_hz_ / kSecond);
}

void KvmHost::set_tsc(Ticks value, uint64_t hz) {
    tsc_base_ = value;
    tsc_since_ = machine_.clock.now();
    tsc_hz_ = hz;
}

Nanoseconds KvmHost::clock() const {
    return clock_base_ + (machine_.clock.now() - clock_since_);
}

void KvmHost::set_clock(Nanoseconds value) {
    clock_base_ = value;
    clock_since_ = machine_.clock.now();
}

Nanoseconds KvmHost::real_time() const {
    return kWallStart * kSecond + machine_.clock.now();
}

void KvmHost::publish(uint32_t cpu) {
    Cpu& of = cpus_[cpu];
    if ((of.clock_msr & kEnabled) == 0) {
        return;
    }
    std::byte* const to = at(machine_, of.clock_msr & ~kEnabled);
    vcpu_time_info time{};
    std::memcpy(&time, to, sizeof time);
    // KVM keeps the flag that the guest has not taken yet.
    const uint8_t untaken = time.flags & kGuestStopped;
    const auto [mul, shift] = scale_of(tsc_hz_);
    time.version = (read_version(to) | 1) + 1;
    time.tsc_timestamp = tsc();
    time.system_time = clock();
    time.tsc_to_system_mul = mul;
    time.tsc_shift = shift;
    time.flags = static_cast<uint8_t>(kTscStable | untaken | (of.stopped ? kGuestStopped : 0));
    of.stopped = false;
    std::memcpy(to, &time, sizeof time);
}

void KvmHost::publish_all() {
    for (uint32_t cpu = 0; cpu < cpus_.size(); ++cpu) {
        publish(cpu);
        set_timer(cpu);
    }
}

/// pvclock_wall_clock: real time when the clock showed 0.
void KvmHost::publish_wall(uint64_t address) {
    const auto now = static_cast<int64_t>(real_time()) + machine_.host().wall_offset_ns;
    const auto base = static_cast<Nanoseconds>(now) - clock();
    wall_version_ += 2;
    const std::array<uint32_t, 3> words{wall_version_, static_cast<uint32_t>(base / kSecond),
                                        static_cast<uint32_t>(base % kSecond)};
    std::memcpy(at(machine_, address), words.data(), sizeof words);
}

void KvmHost::add_steal(uint32_t cpu, Nanoseconds stolen) {
    const uint64_t msr = cpus_[cpu].steal_msr;
    if ((msr & kEnabled) == 0) {
        return;
    }
    std::byte* const to = at(machine_, msr & ~kEnabled);
    kvm_steal_time area{};
    std::memcpy(&area, to, sizeof area);
    area.version += 2;
    area.steal += stolen;
    std::memcpy(to, &area, sizeof area);
}

/// Fires when the TSC, at the rate that it has now, gets there.
void KvmHost::set_timer(uint32_t cpu) {
    Cpu& of = cpus_[cpu];
    machine_.clock.cancel(std::exchange(of.timer, 0));
    if (of.deadline == 0 || (of.timer_entry & kTimerMasked) != 0) {
        return;
    }
    const Ticks now = tsc();
    const Ticks left = of.deadline > now ? of.deadline - now : 0;
    const auto delay = static_cast<Nanoseconds>((Wide{left} * kSecond + tsc_hz_ - 1) / tsc_hz_);
    of.timer = machine_.clock.after(delay, [this, cpu] {
        cpus_[cpu].timer = 0;
        cpus_[cpu].deadline = 0;
        machine_.vcpus.raise(cpu, static_cast<uint8_t>(cpus_[cpu].timer_entry));
    });
}

Result<uint64_t> KvmHost::read_msr(uint32_t cpu, uint32_t msr) const {
    const Cpu& of = cpus_[cpu];
    switch (msr) {
        case MSR_KVM_SYSTEM_TIME_NEW:
            return of.clock_msr;
        case MSR_KVM_STEAL_TIME:
            return of.steal_msr;
        case kTimerEntryMsr:
            return of.timer_entry;
        case kTscDeadlineMsr:
            return of.deadline;
        default:
            return Errc::unsupported;
    }
}

void KvmHost::write_msr(uint32_t cpu, uint32_t msr, uint64_t value) {
    Cpu& of = cpus_[cpu];
    const auto hit = machine_.faults.meet(FaultSite::msr_write, msr);
    if (hit && hit->fault.swallow) {
        return;
    }
    switch (msr) {
        case MSR_KVM_SYSTEM_TIME_NEW:
            of.clock_msr = value;
            publish(cpu);
            break;
        case MSR_KVM_WALL_CLOCK_NEW:
            publish_wall(value);
            break;
        case MSR_KVM_STEAL_TIME:
            of.steal_msr = value;
            break;
        case kTimerEntryMsr:
            of.timer_entry = value;
            set_timer(cpu);
            break;
        case kTscDeadlineMsr:
            of.deadline = value;
            set_timer(cpu);
            machine_.sight(EventKind::timer_armed, cpu, value);
            return;
        default:
            machine_.fault("a write of an MSR that this host does not have");
    }
    machine_.sight(EventKind::msr_written, msr, value);
}

void KvmHost::reset_cpus() {
    for (Cpu& of : cpus_) {
        machine_.clock.cancel(of.timer);
        of = Cpu{};
    }
    for (uint32_t cpu = 0; cpu < machine_.vcpus.count(); ++cpu) {
        machine_.vcpus.at(cpu).vectors.reset();
    }
}

}  // namespace resume::model
