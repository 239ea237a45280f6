#include "drivers/callback/callback.h"

#include <xen/arch-x86/cpuid.h>

#include "drivers/callback/forged_boot_context.h"
#include "drivers/support/boot_code.h"
#include "drivers/support/xen_result.h"

namespace resume {
inline namespace v0 {
namespace {

constexpr uint32_t kTypeShift = 56;
constexpr uint64_t kTypePciIntx = 1;
constexpr uint64_t kTypeVector = 2;
constexpr uint32_t kPciDeviceShift = 11;

bool uses_gate(CallbackMode mode) noexcept {
    return mode == CallbackMode::global_vector || mode == CallbackMode::vcpu_vector;
}

}  // namespace

constexpr DriverOps Callback::kOps = {
    .driver = "callback",
    .rank = SystemRank::callback,
    .syscore_suspend = syscore_down<&Callback::syscore_suspend>,
    .syscore_resume = syscore_up<&Callback::syscore_resume>,
};

uint64_t callback_via(const CallbackConfig& config, uint8_t vector) noexcept {
    switch (config.mode) {
        case CallbackMode::global_vector:
            return kTypeVector << kTypeShift | vector;
        case CallbackMode::vcpu_vector:
            return 1;
        case CallbackMode::gsi:
            return config.gsi;
        case CallbackMode::pci_intx:
            return kTypePciIntx << kTypeShift |
                   uint64_t{config.pci_device & 31U} << kPciDeviceShift | (config.pci_pin & 3U);
        case CallbackMode::none:
            break;
    }
    return 0;
}

Callback::Callback(Machine& machine, EventChannels& events, const HypercallPage& hypercall_page,
                   const CallbackConfig& config, Bugs bugs) noexcept
    : Device{kOps, "callback"},
      machine_{machine},
      events_{events},
      hypercall_page_{hypercall_page},
      config_{config},
      bugs_{bugs} {}

RESUME_BOOT_CODE Result<> Callback::boot(BootContext& boot) noexcept {
    if (config_.mode == CallbackMode::none) {
        return {};
    }
    const bool has_vcpu_vector =
        (hypercall_page_.hvm_features() & XEN_HVM_CPUID_UPCALL_VECTOR) != 0;
    if (config_.mode == CallbackMode::vcpu_vector && !has_vcpu_vector) {
        config_.mode = CallbackMode::global_vector;
    }
    if (config_.mode == CallbackMode::global_vector &&
        !hypercall_page_.feature(XENFEAT_hvm_callback_vector)) {
        return Errc::unsupported;
    }
    if (config_.mode == CallbackMode::gsi && config_.gsi == 0) {
        return Errc::invalid;
    }
    if (uses_gate(config_.mode)) {
        const Result<uint8_t> vector = allocate_irq_gate(machine_, boot, &on_interrupt, this);
        if (!vector.ok()) {
            return vector.error();
        }
        vector_ = vector.value();
    }
    vcpus_set_up_ = 1;
    if (config_.mode == CallbackMode::vcpu_vector) {
        enable_local_apic(machine_);
    }
    return set_up();
}

RESUME_BOOT_CODE Result<> Callback::boot_cpu(BootContext&) noexcept {
    return enter_cpu();
}

void Callback::remove_cpu() noexcept {
    vcpus_set_up_ -= vcpus_set_up_ > cpu_count(machine_) ? 1 : 0;
}

Result<> Callback::enter_cpu() noexcept {
    if (config_.mode != CallbackMode::vcpu_vector) {
        return {};
    }
    const uint32_t cpu = current_cpu(machine_);
    enable_local_apic(machine_);
    RESUME_TRY(set_vcpu_vector(cpu));
    if (vcpus_set_up_ < cpu + 1) {
        vcpus_set_up_ = cpu + 1;
    }
    return {};
}

/// The hypercall's part alone: any number of times. The local APICs' own registers are in the
/// migration stream.
Result<> Callback::set_up() noexcept {
    if (config_.mode == CallbackMode::none) {
        return {};
    }
    for (uint32_t cpu = 0; cpu < vcpus_set_up_ && config_.mode == CallbackMode::vcpu_vector;
         ++cpu) {
        RESUME_TRY(set_vcpu_vector(cpu));
    }
    return set_hvm_param(machine_, HVM_PARAM_CALLBACK_IRQ, callback_via(config_, vector_));
}

Result<> Callback::set_vcpu_vector(uint32_t vcpu) noexcept {
    xen_hvm_evtchn_upcall_vector upcall{.vcpu = vcpu, .vector = vector_};
    return xen_result(xen::hvm_op(machine_, HVMOP_set_evtchn_upcall_vector, upcall));
}

Result<> Callback::syscore_suspend(SyscoreContext&) noexcept {
    return {};
}

Result<> Callback::syscore_resume(SyscoreContext&, Outcome outcome) noexcept {
    if (outcome != Outcome::resumed) {
        return {};
    }
    const bool allocates = bugs_.has(Bug::gate_at_resume) || bugs_.has(Bug::gate_at_resume_no_idt);
    if (allocates && uses_gate(config_.mode)) {
        allocate_gate_at_resume();
    }
    return set_up();
}

/// A function of its own, by whose name the check of boot-only code lets this one bug pass.
[[gnu::noinline]] void Callback::allocate_gate_at_resume() noexcept {
    const Result<uint8_t> vector = with_forged_boot_context([this](BootContext& forged) {
        return allocate_irq_gate(machine_, forged, &on_interrupt, this);
    });
    vector_ = vector.ok() ? vector.value() : vector_;
}

void Callback::on_interrupt(Machine& machine, uint32_t cpu, void* self) noexcept {
    auto* callback = static_cast<Callback*>(self);
    if (callback->config_.mode == CallbackMode::vcpu_vector) {
        apic_eoi(machine);
    }
    callback->upcall(cpu);
}

void Callback::upcall(uint32_t cpu) noexcept {
    events_.handle_upcall(cpu);
}

}  // namespace v0
}  // namespace resume
