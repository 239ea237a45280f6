// Which of the ready devices goes next, as a plan says it; and what there was to choose from.
#pragma once

#include <cstdint>
#include <optional>
#include <unordered_map>
#include <vector>

#include "drivers/model/machine.h"
#include "libresume/engine.h"
#include "tests/stress/campaign/dice.h"
#include "tests/stress/guest/trace_so_far.h"

namespace resume::stress {

class Chooser {
  public:
    /// A moment at which more than one device was ready.
    struct Point {
        std::vector<DeviceId> ready;  ///< in the order of their index: what a choice counts
        size_t event = 0;             ///< of the trace, that comes next
        uint64_t state = 0;           ///< what had happened until then, in whatever order
    };

    /// `choices`: one a point, in turn; after them always the first.
    explicit Chooser(std::vector<uint32_t> choices) : choices_{std::move(choices)} {}
    Chooser(const Chooser&) = delete;
    Chooser& operator=(const Chooser&) = delete;

    [[nodiscard]] Policy policy() {
        return {.order = Policy::Order::by_chooser, .choose = &Chooser::choose, .chooser = this};
    }
    /// Whose devices they are; before its first cycle.
    template <class Guest>
    void attach(Guest& guest) {
        machine_ = &guest.machine();
        engine_ = &guest.guest().engine();
        trace_ = guest.trace_so_far();
    }
    /// Only what is planned is chosen and remembered: between on and off.
    void listen(bool on);

    [[nodiscard]] const std::vector<Point>& points() const { return points_; }
    /// What the planned cycles came to: what each device did and what the other side saw, in
    /// whatever order that was among devices, and what the machine is like then. Times and the
    /// numbers of requests do not count.
    [[nodiscard]] uint64_t end_state() const { return end_state_; }

  private:
    uint64_t state();
    static uint32_t choose(void* self, uint32_t ready) noexcept;
    uint32_t next(uint32_t ready);
    void note(const TraceEvent& event);

    std::vector<uint32_t> choices_;
    Machine* machine_ = nullptr;
    Engine* engine_ = nullptr;
    std::optional<TraceSoFar> trace_;
    bool on_ = false;
    std::vector<Point> points_;
    uint64_t seen_ = 0;                               ///< events of the trace
    std::unordered_map<DeviceId, Digest> of_device_;  ///< in the order of each
    uint64_t others_ = 0;                             ///< a sum: in any order
    uint64_t end_state_ = 0;
};

}  // namespace resume::stress
