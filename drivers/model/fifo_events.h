// Xen's side of the FIFO ABI: control blocks and event array in the guest's memory, and the tails
// of the queues, which only Xen knows.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <set>
#include <vector>

#include "drivers/model/fwd.h"
#include "libresume/platform/xen.h"

namespace resume::model {

class FifoEvents {
  public:
    explicit FifoEvents(Machine& machine) : machine_{machine} {}

    /// EVTCHNOP_init_control and _expand_array: Xen's negative errno, or 0. The first block makes
    /// it the domain's ABI.
    long init_control(evtchn_init_control& a);
    long expand(const evtchn_expand_array& a);
    /// A new domain, or a soft reset: the 2-level ABI.
    void forget();

    [[nodiscard]] bool in_use() const { return in_use_; }
    [[nodiscard]] bool masked(Port port) const;
    void set_pending(Port port, uint32_t vcpu);
    /// Delivers what came behind the mask.
    void unmask(Port port, uint32_t vcpu);
    void clear_pending(Port port);

  private:
    struct Queues {
        std::byte* block = nullptr;
        std::array<Port, EVTCHN_FIFO_MAX_QUEUES> tails{};
    };

    [[nodiscard]] event_word_t* word(Port port) const;
    void leave_old_queue(Port port, uint32_t vcpu);

    Machine& machine_;
    bool in_use_ = false;
    std::vector<Queues> queues_;  ///< by vCPU
    std::vector<std::byte*> array_;
    std::vector<uint32_t> last_vcpu_;  ///< in whose queue a port stood last, plus 1; by port
    std::set<std::pair<Port, uint32_t>> without_word_;  ///< pending, for want of a word
};

}  // namespace resume::model
