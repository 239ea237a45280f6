// Rank callback: how Xen tells the guest that events are pending. Two different acts, kept apart:
// the gate is allocated once at boot, with a BootContext in hand; pointing Xen at it is done at
// every resume (L10, L11).
#pragma once

#include "drivers/event_channels/event_channels.h"

namespace resume {
inline namespace v0 {

enum class CallbackMode : uint8_t {
    global_vector,  ///< HVM_PARAM_CALLBACK_IRQ type 2; no EOI
    vcpu_vector,    ///< HVMOP_set_evtchn_upcall_vector each vCPU, through the local APIC: EOI
    gsi,            ///< type 0: the embedder's own interrupt code calls upcall()
    pci_intx,       ///< type 1: likewise; without the vector (failure 59)
    none,           ///< polling: events are looked for by handle_upcall() alone
};

struct CallbackConfig {
    CallbackMode mode = CallbackMode::global_vector;
    uint32_t gsi = 0;  ///< 1 .. 2^32 - 1 (0 would turn delivery off)
    uint8_t pci_device = 0;
    uint8_t pci_pin = 0;  ///< 0 = INTA
};

/// The value of HVM_PARAM_CALLBACK_IRQ (xen/hvm/params.h). Pure. In vcpu_vector mode it is 1: not
/// for delivery, but because the toolstack takes 0 for a guest without drivers (no handshake, no
/// return value 1).
uint64_t callback_via(const CallbackConfig& config, uint8_t vector) noexcept;

class Callback final : public Device {
  public:
    Callback(Machine& machine, EventChannels& events, const HypercallPage& hypercall_page,
             const CallbackConfig& config, Bugs bugs) noexcept;

    /// Boot, CPU 0: allocates the gate (vector modes), points Xen at it. vcpu_vector falls back to
    /// global_vector where Xen lacks it. unsupported when the mode is refused.
    Result<> boot(BootContext& boot) noexcept;
    /// On each further CPU itself, interrupts off: its local APIC and vector. Nothing to do in the
    /// other modes.
    Result<> boot_cpu(BootContext& boot) noexcept;
    /// The same after boot; and when the last one is gone, CPU 0.
    Result<> enter_cpu() noexcept;
    void remove_cpu() noexcept;

    /// For gsi and pci_intx: to be called from the embedder's interrupt handler.
    void upcall(uint32_t cpu) noexcept;
    [[nodiscard]] CallbackMode mode() const noexcept { return config_.mode; }
    [[nodiscard]] uint8_t vector() const noexcept { return vector_; }

  private:
    Result<> syscore_suspend(SyscoreContext&) noexcept;
    Result<> syscore_resume(SyscoreContext&, Outcome) noexcept;
    Result<> allocate(BootContext& boot) noexcept;
    Result<> set_up() noexcept;
    Result<> set_vcpu_vector(uint32_t vcpu) noexcept;
    void allocate_gate_at_resume() noexcept;  ///< bug gate_at_resume
    static void on_interrupt(Machine& machine, uint32_t cpu, void* self) noexcept;
    static const DriverOps kOps;

    Machine& machine_;
    EventChannels& events_;
    const HypercallPage& hypercall_page_;
    CallbackConfig config_;
    Bugs bugs_;
    uint8_t vector_ = 0;
    uint32_t vcpus_set_up_ = 0;  ///< how many vCPUs booted: each is set up again at resume
};

}  // namespace v0
}  // namespace resume
