// Virtual CPUs: who may take interrupts, how an upcall reaches them, their registered areas and
// timers. One thread plays them all: `current` says whose code runs.
#pragma once

#include <array>
#include <bitset>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "drivers/model/clock.h"
#include "libresume/platform/xen.h"

namespace resume::model {

/// HVM_PARAM_CALLBACK_IRQ decoded (4.2.2).
enum class CallbackRoute : uint8_t { none, gsi, pci_intx, vector };

struct Vcpu {
    bool irqs_on = true;
    bool parked = false;
    bool down = false;        ///< VCPUOP_down: does not run
    bool initialised = true;  ///< VCPUOP_initialise: Xen knows where it begins
    bool in_interrupt = false;
    bool lapic_on = false;
    bool lapic_requested = false;  ///< IRR of the upcall vector
    bool lapic_in_service = false;
    std::bitset<256> vectors;  ///< requested of a guest of KVM's: Vcpus::raise
    uint8_t upcall_vector = 0;
    std::byte* info = nullptr;  ///< registered; null = in shared_info
    std::byte* time_area = nullptr;
    std::byte* runstate_area = nullptr;
    Clock::EventId singleshot = 0;
    Clock::EventId periodic = 0;
    Nanoseconds period = 0;
    std::array<Nanoseconds, 4> runstate{};  ///< running, runnable (stolen), blocked, offline
    Nanoseconds runstate_since = 0;
    bool unpublished = false;  ///< it blocked since its clocks and runstate were written
};

class Vcpus {
  public:
    explicit Vcpus(Machine& machine);

    [[nodiscard]] Vcpu& at(uint32_t cpu) { return vcpus_.at(cpu); }
    [[nodiscard]] uint32_t count() const { return static_cast<uint32_t>(vcpus_.size()); }
    /// Those that the guest runs on: 0 .. online() - 1.
    [[nodiscard]] uint32_t online() const { return online_; }
    void set_online(uint32_t count);
    [[nodiscard]] uint32_t current() const { return current_; }
    /// Its code runs from here on.
    void set_current(uint32_t cpu);
    /// Runs guest code on another vCPU, parked or not.
    template <class Act>
    void run_on(uint32_t cpu, Act&& act) {
        const uint32_t caller = current_;
        set_current(cpu);
        act();
        current_ = caller;
    }

    /// The vCPU's vcpu_info, wherever it is.
    [[nodiscard]] std::byte* info(uint32_t cpu) const;
    /// VCPUOP_*: Xen's negative errno, or 0.
    long operate(unsigned op, uint32_t cpu, void* argument);

    /// A channel of the vCPU became pending.
    void mark_pending(uint32_t cpu, uint32_t port);
    /// Something is pending for the vCPU: the flag that all ABIs have.
    void raise_upcall(uint32_t cpu);
    /// An interrupt of the local APIC's own, as a guest of KVM's has them all.
    void raise(uint32_t cpu, uint8_t vector) { vcpus_[cpu].vectors.set(vector); }
    /// Runs the handlers of all interrupts that can be taken. True when there was one.
    bool deliver();
    [[nodiscard]] bool deliverable(uint32_t cpu);
    void eoi(uint32_t cpu);
    void end_blocking(Nanoseconds since);
    /// Writes the vCPU's clocks and runstate anew if they are old: before any of its code runs
    /// after it blocked, as Xen does when it schedules it. Others read the old ones till then.
    void publish_times(uint32_t cpu);
    /// `system`: Xen's system time now.
    void publish_runstate(uint32_t cpu, Nanoseconds system);
    /// It was runnable for so long and did not run; now it does.
    void add_steal(uint32_t cpu, Nanoseconds stolen);

    Result<uint8_t> allocate_gate(IrqHandler handler, void* argument);
    void set_callback(uint64_t param);
    [[nodiscard]] CallbackRoute route() const { return route_; }
    [[nodiscard]] bool reachable(uint32_t cpu);

    /// A new domain: registrations, timers, upcall vectors gone; registers and LAPIC stay.
    void forget();
    /// The vCPUs of a domain that the host has just made: with their periodic timers, if it starts
    /// them.
    void begin();
    /// Soft reset: the areas are unregistered, the rest stays.
    void unregister();

  private:
    struct Gate {
        IrqHandler handler = nullptr;
        void* argument = nullptr;
    };

    void take(uint32_t cpu);
    void run_gate(uint32_t cpu, uint8_t vector);
    long register_info(uint32_t cpu, const void* argument);
    long arm(uint32_t cpu, const void* argument);
    void stop_timer(Clock::EventId& timer);
    void arm_periodic(uint32_t cpu);
    [[nodiscard]] std::byte* area(uint64_t guest_virtual) const;

    Machine& machine_;
    std::vector<Vcpu> vcpus_;
    std::array<Gate, 256> gates_{};
    uint8_t next_gate_ = 0x40;
    uint8_t line_gate_ = 0;  ///< where the platform device's line is routed: the first gate
    uint32_t current_ = 0;
    uint32_t online_ = 1;
    CallbackRoute route_ = CallbackRoute::none;
    uint8_t route_vector_ = 0;
    /// Where Xen writes for a vCPU that has no place in shared_info and none of its own.
    mutable std::array<std::byte, sizeof(vcpu_info)> nowhere_{};
};

}  // namespace resume::model
