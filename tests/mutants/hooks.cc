#include "tests/mutants/hooks.h"

#include <asm/kvm_para.h>
#include <linux/virtio_mmio.h>

#include "drivers/model/kvm/virtio_port.h"
#include "drivers/model/machine.h"

namespace resume::mutants {
namespace {

/// The table that was replaced, for the hooks that go on to it.
const DriverOps* original = nullptr;
DriverOps broken;

// Told the other thing of what it must tell apart: something to set up, or nothing.
Outcome inverted(Outcome outcome) noexcept {
    return outcome == Outcome::resumed ? Outcome::cancelled : Outcome::resumed;
}

/// While it lives, no hypercall and no write of an MSR or of a device's register is carried out and
/// each succeeds.
class Lie {
  public:
    explicit Lie(Machine& machine) noexcept : machine_{machine}, before_{machine.faults.size()} {
        for (const int number :
             {__HYPERVISOR_memory_op, __HYPERVISOR_event_channel_op, __HYPERVISOR_hvm_op,
              __HYPERVISOR_vcpu_op, __HYPERVISOR_grant_table_op, __HYPERVISOR_xen_version}) {
            swallow(model::FaultSite::hypercall, static_cast<uint32_t>(number));
        }
        for (const uint32_t msr :
             {uint32_t{MSR_KVM_SYSTEM_TIME_NEW}, uint32_t{MSR_KVM_WALL_CLOCK_NEW},
              uint32_t{MSR_KVM_STEAL_TIME}, uint32_t{0x832}, uint32_t{0x6e0}}) {
            swallow(model::FaultSite::msr_write, msr);
        }
        for (uint32_t device = 1; device <= 2; ++device) {
            for (const uint32_t offset :
                 {uint32_t{VIRTIO_MMIO_STATUS}, uint32_t{VIRTIO_MMIO_QUEUE_NOTIFY},
                  uint32_t{VIRTIO_MMIO_QUEUE_READY}, uint32_t{VIRTIO_MMIO_DRIVER_FEATURES}}) {
                swallow(model::FaultSite::io_write,
                        static_cast<uint32_t>(model::VirtioPort::kFirstBase +
                                              device * model::VirtioPort::kSize) +
                            offset);
            }
        }
    }
    ~Lie() { machine_.faults.cut(before_); }
    Lie(const Lie&) = delete;
    Lie& operator=(const Lie&) = delete;

  private:
    void swallow(model::FaultSite site, uint32_t number) {
        machine_.faults.add(
            {.site = site, .number = number, .times = ~uint32_t{0}, .swallow = true});
    }

    Machine& machine_;
    std::size_t before_;  ///< faults that a campaign has planned
};

template <ThreadDownHook DriverOps::*Hook>
void break_thread_down(Change change) {
    if (change == Change::empty_hook) {
        broken.*Hook = [](Device&, ThreadContext&) noexcept { return Progress::done(); };
    } else {
        broken.*Hook = [](Device& device, ThreadContext& context) noexcept {
            const Lie lie{context.machine()};
            return (original->*Hook)(device, context);
        };
    }
}

template <ThreadUpHook DriverOps::*Hook>
void break_thread_up(Change change) {
    if (change == Change::empty_hook) {
        broken.*Hook = [](Device&, ThreadContext&, Outcome) noexcept { return Progress::done(); };
    } else if (change == Change::lie_hook) {
        broken.*Hook = [](Device& device, ThreadContext& context, Outcome outcome) noexcept {
            const Lie lie{context.machine()};
            return (original->*Hook)(device, context, outcome);
        };
    } else {
        broken.*Hook = [](Device& device, ThreadContext& context, Outcome outcome) noexcept {
            return (original->*Hook)(device, context, inverted(outcome));
        };
    }
}

// noirq and syscore: the same with their contexts.
template <auto Hook, class Context>
void break_masked_down(Change change) {
    if (change == Change::empty_hook) {
        broken.*Hook = [](Device&, Context&) noexcept { return Result<>{}; };
    } else {
        broken.*Hook = [](Device& device, Context& context) noexcept {
            const Lie lie{context.machine()};
            return (original->*Hook)(device, context);
        };
    }
}

template <auto Hook, class Context>
void break_masked_up(Change change) {
    if (change == Change::empty_hook) {
        broken.*Hook = [](Device&, Context&, Outcome) noexcept { return Result<>{}; };
    } else if (change == Change::lie_hook) {
        broken.*Hook = [](Device& device, Context& context, Outcome outcome) noexcept {
            const Lie lie{context.machine()};
            return (original->*Hook)(device, context, outcome);
        };
    } else {
        broken.*Hook = [](Device& device, Context& context, Outcome outcome) noexcept {
            return (original->*Hook)(device, context, inverted(outcome));
        };
    }
}

}  // namespace

bool has_hook(const DriverOps& ops, Phase phase) noexcept {
    switch (phase) {
        case Phase::prepare:
            return ops.prepare != nullptr;
        case Phase::suspend:
            return ops.suspend != nullptr;
        case Phase::suspend_late:
            return ops.suspend_late != nullptr;
        case Phase::suspend_noirq:
            return ops.suspend_noirq != nullptr;
        case Phase::syscore_suspend:
            return ops.syscore_suspend != nullptr;
        case Phase::syscore_resume:
            return ops.syscore_resume != nullptr;
        case Phase::resume_noirq:
            return ops.resume_noirq != nullptr;
        case Phase::resume_early:
            return ops.resume_early != nullptr;
        case Phase::resume:
            return ops.resume != nullptr;
        case Phase::complete:
            return ops.complete != nullptr;
        case Phase::none:
            break;
    }
    return false;
}

void break_hook(Device& device, Phase phase, Change change) {
    RESUME_ASSERT(has_hook(device.ops(), phase));
    original = &device.ops();
    broken = *original;
    switch (phase) {
        case Phase::prepare:
            break_thread_down<&DriverOps::prepare>(change);
            break;
        case Phase::suspend:
            break_thread_down<&DriverOps::suspend>(change);
            break;
        case Phase::suspend_late:
            break_thread_down<&DriverOps::suspend_late>(change);
            break;
        case Phase::suspend_noirq:
            break_masked_down<&DriverOps::suspend_noirq, NoirqContext>(change);
            break;
        case Phase::syscore_suspend:
            break_masked_down<&DriverOps::syscore_suspend, SyscoreContext>(change);
            break;
        case Phase::syscore_resume:
            break_masked_up<&DriverOps::syscore_resume, SyscoreContext>(change);
            break;
        case Phase::resume_noirq:
            break_masked_up<&DriverOps::resume_noirq, NoirqContext>(change);
            break;
        case Phase::resume_early:
            break_thread_up<&DriverOps::resume_early>(change);
            break;
        case Phase::resume:
            break_thread_up<&DriverOps::resume>(change);
            break;
        default:
            break_thread_up<&DriverOps::complete>(change);
            break;
    }
    device.replace_ops(CheckedOps{CheckedOps::Unchecked{broken}});
}

}  // namespace resume::mutants
