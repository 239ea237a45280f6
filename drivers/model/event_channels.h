// Event channels of one domain, in the 2-level ABI until the guest takes up the FIFO one. A
// channel's other end is a daemon of dom0's (a function), a virtual interrupt, or another vCPU.
#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include "drivers/model/config.h"
#include "drivers/model/fifo_events.h"
#include "drivers/model/fwd.h"

namespace resume::model {

struct Channel {
    enum class Kind : uint8_t { free, unbound, interdomain, virq, ipi };
    Kind kind = Kind::free;
    uint32_t vcpu = 0;
    uint32_t virq = 0;
    DomId remote = 0;
    std::function<void()> notified{};  ///< the other end hears a send
};

class EventChannels {
  public:
    explicit EventChannels(Machine& machine);

    /// EVTCHNOP_*: Xen's negative errno, or 0.
    long operate(unsigned op, void* argument);

    /// The domain builder's act: a channel bound by a daemon of dom0's.
    Port open(std::function<void()> notified);
    /// EVTCHNOP_bind_interdomain by a backend: false when the port does not wait for `domain`.
    bool join(Port port, DomId domain, std::function<void()> notified);
    /// A backend lets go of its end: the port waits for it again.
    void leave(Port port);
    /// Another end for a channel that is there already.
    void take_over(Port port, std::function<void()> notified);
    /// The other side notifies the guest. Nothing when the port is not bound any more.
    void raise(Port port);
    void raise_virq(uint32_t cpu, uint32_t virq);
    /// Closes everything: a new domain, or a soft reset.
    void reset();

    [[nodiscard]] const Channel* find(Port port) const;
    /// An IPI of the vCPU that is bound and not masked; 0 = none.
    [[nodiscard]] Port open_ipi(uint32_t cpu) const;
    [[nodiscard]] bool has_ipi(uint32_t cpu) const;
    [[nodiscard]] bool masked(Port port) const;
    [[nodiscard]] bool fifo() const { return fifo_.in_use(); }

  private:
    long allocate(Channel channel);
    long bind_virq(uint32_t virq, uint32_t cpu, Port& port);
    long init_control(evtchn_init_control& a);
    long close(Port port);
    long send(Port port);
    long unmask(Port port);
    long status(Port port, void* argument) const;
    long move(Port port, uint32_t cpu);
    void bound(Port port) const;
    void set_pending(Port port);
    [[nodiscard]] bool is_bound(Port port) const;

    Machine& machine_;
    std::vector<Channel> channels_;
    FifoEvents fifo_;
};

}  // namespace resume::model
