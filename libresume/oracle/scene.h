// Where in the story an event stands: what every family of rules needs to know, kept in one place.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "libresume/oracle/device_slots.h"
#include "libresume/oracle/kind_set.h"
#include "libresume/oracle/trace_view.h"
#include "libresume/oracle/verdict.h"

namespace resume::oracle {

/// Whether a phase or step belongs to the way up.
[[nodiscard]] bool is_up(Phase phase);
[[nodiscard]] bool is_up(Step step);
/// The phase opposite: suspend and resume, prepare and complete; none for none.
[[nodiscard]] Phase mirror_of(Phase phase);

/// The group that sights a kind of event, or none when anybody may say it.
[[nodiscard]] Sight group_of(EventKind kind);

/// True for SCHEDOP_shutdown with the reason suspend.
[[nodiscard]] bool is_suspend_hypercall(const TraceEvent& event);

/// Follows the events. Rules read it, the judge moves it.
class Scene {
  public:
    Scene(const TraceView& view, Verdict& verdict);

    [[nodiscard]] const TraceView& view() const { return view_; }
    [[nodiscard]] bool is_xen() const { return is_xen_; }
    [[nodiscard]] DeviceSlots& slots() { return slots_; }
    [[nodiscard]] SystemRank rank_of(DeviceId id) { return slots_.rank(slots_.of(id)); }
    [[nodiscard]] bool sighted(Sight group) const { return resume::has(view_.sights, group); }
    /// False when somebody better placed than this event's writer saw the thing.
    [[nodiscard]] bool counts(const TraceEvent& event) const {
        return !only_others_[static_cast<uint8_t>(event.kind)] ||
               event.witness == Witness::other_side;
    }

    [[nodiscard]] bool in_cycle() const { return in_cycle_; }
    [[nodiscard]] uint32_t cycles_seen() const { return cycles_seen_; }
    [[nodiscard]] Step step() const { return step_; }
    /// The suspend hypercall of this cycle was made, and what it returned.
    [[nodiscard]] std::optional<int32_t> returned() const { return returned_; }
    /// By the hypercall where it was seen; else what the engine says, or aborted.
    [[nodiscard]] Outcome outcome() const;
    /// What the engine said in outcome_known.
    [[nodiscard]] std::optional<Outcome> claimed() const { return claimed_; }
    /// The way up has begun: the hypercall returned, or the engine knows its outcome.
    [[nodiscard]] bool going_up() const { return returned_ || claimed_; }
    [[nodiscard]] DomainEvidence evidence() const { return evidence_; }
    /// Returned 0 and nobody knows better than that the registrations are gone.
    [[nodiscard]] bool may_be_fresh() const {
        return outcome() == Outcome::resumed && going_up() && evidence_ != DomainEvidence::same;
    }

    void violate(const char* id, std::string detail, DeviceId device = kNoDevice);

    /// Before the rules see the event.
    void advance(const TraceEvent& event, uint64_t index);
    /// After they saw it: cycle_end closes the cycle.
    void settle(const TraceEvent& event);

  private:
    const TraceView& view_;
    Verdict& verdict_;
    DeviceSlots slots_;
    const bool is_xen_;
    bool only_others_[kEventKindCount] = {};  ///< kinds that only the other side may tell of
    bool in_cycle_ = false;
    uint32_t cycles_seen_ = 0;
    uint32_t number_ = 0;
    uint64_t index_ = 0;
    Ticks ticks_ = 0;
    Step step_ = Step::none;
    std::optional<int32_t> returned_;
    std::optional<Outcome> claimed_;
    DomainEvidence evidence_ = DomainEvidence::unknown;
};

/// One family of invariants. Sees every event that counts and that it wants, in order.
class Rules {
  public:
    virtual ~Rules() = default;
    [[nodiscard]] virtual KindSet wants() const = 0;
    virtual void see(Scene& scene, const TraceEvent& event) = 0;
};

}  // namespace resume::oracle
