// Rank event_channels: Xen's interrupts, in the FIFO ABI where the embedder gives memory for it and
// the host has it, in the 2-level one else. After a real resume every number means nothing: all are
// zeroed, VIRQs and IPIs are bound anew, interdomain channels wait for their drivers. A notify or
// an event on a number that means nothing is counted and traced, and does no harm (failures 47,
// 48).
#pragma once

#include <boost/intrusive/list.hpp>

#include "drivers/event_channels/fifo.h"
#include "drivers/shared_info/shared_info.h"

namespace resume {
inline namespace v0 {

/// Interrupts of the vCPU are off. `argument` is Channel::argument.
using ChannelHandler = void (*)(void* argument, uint32_t cpu) noexcept;

/// One event channel's end: an intrusive node that its driver owns; outlives its binding.
struct Channel {
    enum class Kind : uint8_t { none, virq, ipi, interdomain };

    ChannelHandler handler = nullptr;
    void* argument = nullptr;
    DeviceId owner = kNoDevice;  ///< named in the trace of its upcalls
    /// Set by EventChannels; for others to read.
    Kind kind = Kind::none;
    uint32_t vcpu = 0;
    uint32_t virq = 0;
    Port port = 0;      ///< 0: means nothing now
    Port old_port = 0;  ///< in the domain before; asked for in the same domain only
    boost::intrusive::list_member_hook<> hook{};
};

class EventChannels final : public Device {
  public:
    EventChannels(Machine& machine, const SharedInfo& shared_info, Bugs bugs,
                  const FifoPages& fifo = {}) noexcept;

    /// Boot, CPU 0, after shared_info: chooses the ABI, masks everything.
    Result<> boot(BootContext& boot) noexcept;

    /// A vCPU that will be brought up, before anything is bound for it. Thread context, CPU 0.
    Result<> add_cpu(uint32_t vcpu) noexcept { return fifo_.add_cpu(vcpu); }
    /// One that does not run any more, after what was bound for it was closed: its queues are
    /// emptied, or a port in one that is bound anew for another vCPU would count as linked and tell
    /// nobody (Linux: evtchn_fifo_percpu_deinit). Thread context, CPU 0.
    void remove_cpu(uint32_t vcpu) noexcept;

    /// Thread or boot, CPU 0. Bound again by itself after every resume. exists when Xen has it
    /// bound already. `vcpu` is online, or was told by add_cpu().
    Result<> bind_virq(Channel& channel, uint32_t virq, uint32_t vcpu) noexcept;
    Result<> bind_ipi(Channel& channel, uint32_t vcpu) noexcept;
    /// A port that the toolstack or EVTCHNOP_alloc_unbound made, delivered on vCPU 0. Its driver
    /// attaches it again after a resume. invalid for port 0 or one out of range, exists when it is
    /// somebody else's.
    Result<> attach(Channel& channel, Port port) noexcept;
    /// Makes a port that `remote` may bind, and attaches it; thread context, CPU 0.
    Result<> offer(Channel& channel, DomId remote) noexcept;
    /// After a resume in the same domain: the port that it had, if Xen still has it bound. gone
    /// when not: its driver connects anew.
    Result<> reattach(Channel& channel) noexcept;
    /// Ends it at Xen too; only in the domain that it was made in.
    void close(Channel& channel) noexcept;
    /// Forgets the number; no hypercall (L9). Any kind; harmless when not attached.
    void detach(Channel& channel) noexcept;

    /// Lets go of every channel, locally, before their owners are destroyed; nothing is bound
    /// after.
    void release_all() noexcept;

    /// Any context, any CPU. False when the number means nothing (port_stale, counted).
    bool notify(const Channel& channel) noexcept;
    bool notify_port(Port port) noexcept;

    void mask(const Channel& channel) noexcept;
    /// What came meanwhile is delivered again.
    void unmask(const Channel& channel) noexcept;
    /// Every interdomain channel; VIRQs and IPIs are never masked by it.
    void mask_devices() noexcept;
    void unmask_devices() noexcept;

    /// The upcall of this CPU, interrupts off: runs the handlers of what is pending for it.
    void handle_upcall(uint32_t cpu) noexcept;

    /// Off: upcalls are not traced (a kernel that ticks would fill the ring between cycles).
    void trace_upcalls(bool on) noexcept { trace_upcalls_ = on; }
    /// Which ABI the domain that we are in uses.
    [[nodiscard]] bool fifo() const noexcept { return fifo_.in_use(); }
    /// Notifies and events on numbers that meant nothing, since boot.
    [[nodiscard]] uint64_t stale_count() const noexcept { return stale_; }

    /// Ports below this can be bound; the last word of the mask is shared_info's mark.
    static constexpr Port kPorts = 63 * 64;

  private:
    Result<> syscore_suspend(SyscoreContext&) noexcept;
    Result<> syscore_resume(SyscoreContext&, Outcome) noexcept;
    Result<> bind_first(Channel& channel) noexcept;
    Result<> rebind(Channel& channel, DomainEvidence evidence) noexcept;
    Result<Port> bind(const Channel& channel) noexcept;
    [[nodiscard]] bool still_bound(const Channel& channel) noexcept;
    Result<> check_areas_alive() noexcept;
    bool area_is_alive(const Channel& ipi) noexcept;
    void forget_all() noexcept;
    void mask_all() noexcept;
    void enter(Channel& channel, Port port) noexcept;
    [[nodiscard]] Port ports() const noexcept;
    void mask_port(Port port) noexcept;
    [[nodiscard]] bool unmask_port(Port port) noexcept;
    void clear_pending(Port port) noexcept;
    void run_selected(uint32_t cpu) noexcept;
    void run_word(uint32_t cpu, uint32_t word) noexcept;
    void run_port(uint32_t cpu, Port port) noexcept;
    bool raises_flag(const Channel& ipi) noexcept;
    void stale(Port port) noexcept;
    static const DriverOps kOps;

    using Channels = boost::intrusive::list<
        Channel, boost::intrusive::member_hook<Channel, decltype(Channel::hook), &Channel::hook>,
        boost::intrusive::constant_time_size<false>>;
    Machine& machine_;
    const SharedInfo& shared_info_;
    Bugs bugs_;
    FifoPorts fifo_;
    bool trace_upcalls_ = true;
    bool devices_masked_ = false;
    uint64_t stale_ = 0;
    Channels rebound_;  ///< VIRQs and IPIs in the order of their first binding
    Channel* by_port_[kPorts] = {};
    Port top_ = 0;  ///< ports from here on are nobody's: few are ever used of the many there are
};

}  // namespace v0
}  // namespace resume
