#include "tests/stress/campaign/life.h"

#include <utility>

#include "tests/stress/campaign/chooser.h"
#include "tests/stress/campaign/course.h"
#include "tests/stress/campaign/faults.h"
#include "tests/stress/campaign/kvm_life.h"
#include "tests/stress/campaign/stage.h"
#include "tests/stress/campaign/wholeness.h"

namespace resume::stress {

namespace {

constexpr const char* kTorn = "a transaction was torn by a resume";
constexpr const char* kStorm = "more than 20 watch events came in one life";

struct Expected {
    Outcome outcome;
    DomainEvidence evidence;
};

Expected expected_of(model::HostAct act) {
    switch (act) {
        case model::HostAct::slow:
            return {Outcome::resumed, DomainEvidence::same};
        case model::HostAct::in_place:
        case model::HostAct::save_restore:
        case model::HostAct::migrate:
            return {Outcome::resumed, DomainEvidence::fresh};
        default:
            return {Outcome::cancelled, DomainEvidence::unknown};
    }
}

class Life final : public Course<Stage> {
  public:
    using Course::Course;

  private:
    bool cycle(const PlannedCycle& planned) override;
    bool dead(const PlannedCycle& planned, const Cycle& done);
    void judge_outcome(const PlannedCycle& planned, const Cycle& done);
    void count(const PlannedCycle& planned, const Cycle& done);
    void count_rare(const PlannedCycle& planned, const Cycle& done);
    bool told_of_a_fault(size_t since, const Cycle& done);
};

bool Life::cycle(const PlannedCycle& planned) {
    const size_t since = stage().guest().event_count();
    stage().arm(planned);
    const bool gone = (effects_of(planned) & kEnds) != 0;
    const Cycle done = stage().guest().cycle(gone ? model::HostAct::destroy : planned.act);
    count(planned, done);
    if ((effects_of(planned) & kMayKill) != 0 && told_of_a_fault(since, done)) {
        reached("a hypercall failed on the way back, and the guest said so");
        judge_only(since);
        return false;
    }
    if (!done.alive()) {
        return dead(planned, done);
    }
    judge_outcome(planned, done);
    if (!result().finding) {
        stage().calm();
        reached(kTorn, stage().transaction_torn());
        reached(kStorm, stage().storm_events() > 20);
        if (!stage().machine().alive()) {
            find(Finding::Kind::crash, name_of(stage().machine().death.end),
                 stage().machine().death.reason);
        } else if (!stage().complaint().empty()) {
            find(Finding::Kind::liveness, "refusal", stage().complaint());
        } else if (const std::string broken = stage().broken_promise(); !broken.empty()) {
            find(Finding::Kind::liveness, "promise", broken);
        }
    }
    return !result().finding;
}

bool Life::dead(const PlannedCycle& planned, const Cycle& done) {
    if ((effects_of(planned) & kEnds) != 0 && done.run.end == model::GuestEnd::left_down) {
        reached("the host never let the guest run again");
    } else {
        find(Finding::Kind::crash, name_of(done.run.end), done.run.reason);
    }
    return false;
}

void Life::judge_outcome(const PlannedCycle& planned, const Cycle& done) {
    // A backend that was slow may still be at what it began then.
    const uint8_t before =
        cycle_number() > 1 ? effects_of(plan().cycles[cycle_number() - 2]) : uint8_t{kHarmless};
    const auto effects = static_cast<uint8_t>(effects_of(planned) | (before & kLate));
    const DiskLoad& load = stage().disk().load;
    if (load.doubled() + load.mismatches() != 0 ||
        (load.failed() != 0 && !stage().disk_is_gone())) {
        find(Finding::Kind::liveness, "disk",
             std::to_string(load.doubled()) + " requests ended twice, " +
                 std::to_string(load.mismatches()) + " sectors wrong, " +
                 std::to_string(load.failed()) + " requests failed");
        return;
    }
    if (!done.result) {
        if (planned.act != model::HostAct::migrate_fails_early && (effects & kErrandFails) == 0) {
            find(Finding::Kind::liveness, "no-cycle",
                 "the guest was asked and did nothing: " +
                     (done.errand ? done.errand->message : std::string{"the host was not heard"}));
        }
        return;
    }
    const Expected expected = expected_of(planned.act);
    const CycleResult& result = *done.result;
    if (result.outcome == Outcome::aborted) {
        if ((effects & kAborts) == 0) {
            find(Finding::Kind::liveness, "aborted",
                 std::string{"nothing kept the guest from going down, but "} +
                     name_of(result.stopped_at) + " ended with " + name_of(result.cause.code));
        } else if (result.errors_up != 0 && (effects & kLate) == 0 && !stage().disk_is_gone()) {
            find(Finding::Kind::liveness, "errors-up",
                 "it was aborted, and " + std::to_string(result.errors_up) +
                     " hooks failed on the way up for no reason");
        }
        return;
    }
    if ((effects & kErrandFails) == 0 &&
        (result.outcome != expected.outcome || result.evidence != expected.evidence)) {
        find(Finding::Kind::liveness, "outcome",
             std::string{"the host's "} + name_of(planned.act) + " was taken for " +
                 name_of(result.outcome) + ", domain " + name_of(result.evidence));
    } else if (result.errors_up != 0 && (effects & kLate) == 0 && !stage().disk_is_gone()) {
        find(Finding::Kind::liveness, "errors-up",
             std::to_string(result.errors_up) + " hooks failed on the way up for no reason");
    }
}

/// A call failed in this cycle, and not silently: a hook or step ended with an error after it, or
/// the guest panicked. What such a guest does from there on is nobody's promise. One that waited so
/// long that its trace lost events may have said so in them.
bool Life::told_of_a_fault(size_t since, const Cycle& done) {
    const oracle::TraceView& view = stage().guest().view();
    if (view.lost != 0) {
        return true;
    }
    const auto& events = view.events;
    bool met = false;
    for (size_t i = since; i < events.size(); ++i) {
        const TraceEvent& event = events[i];
        met = met || event.kind == EventKind::fault_injected;
        const bool ends = event.kind == EventKind::hook_end || event.kind == EventKind::step_end;
        if (met && ends && event.status != 0) {
            return true;
        }
    }
    return met && done.run.end == model::GuestEnd::panicked;
}

void Life::count(const PlannedCycle& planned, const Cycle& done) {
    Tally& tally = result().tally;
    ++tally.cycles;
    Tally::count(tally.acts, name_of(planned.act));
    for (const PlannedFault& fault : planned.faults) {
        Tally::count(tally.faults, row_of(fault.kind).name);
    }
    const bool down = (done.errand && done.errand->guest_went_down) ||
                      (!done.alive() && stage().machine().domain.down());
    tally.at_hypercall += down ? 1 : 0;
    CycleNote note{done.result    ? name_of(done.result->outcome)
                   : done.alive() ? "none"
                                  : "died",
                   done.errand ? done.errand->message : ""};
    Tally::count(tally.outcomes, note.outcome);
    result().notes.push_back(std::move(note));
    count_rare(planned, done);
}

void Life::count_rare(const PlannedCycle& planned, const Cycle& done) {
    if (!done.result) {
        reached("the guest was asked and had nothing to do",
                planned.act != model::HostAct::migrate_fails_early && done.alive());
        return;
    }
    const CycleResult& result = *done.result;
    const bool aborted = result.outcome == Outcome::aborted;
    reached("aborted with device interrupts masked",
            aborted && result.stopped_at == Step::suspend_noirq);
    reached("aborted because a vCPU did not come",
            aborted && result.stopped_at == Step::park_vcpus);
    reached("aborted because a hook never ended", aborted && result.cause.code == Errc::timed_out);
    reached("called off", aborted && result.cause.code == Errc::called_off);
    reached("came back to its old domain with 0", result.evidence == DomainEvidence::same);
    reached("came up without its disk",
            result.outcome == Outcome::resumed && result.errors_up != 0 && stage().disk_is_gone());
    reached("came up before its backend",
            result.outcome == Outcome::resumed && result.errors_up != 0 && !stage().disk_is_gone());
    reached("a completion came after its time", result.stray_completions != 0);
    reached("went down with requests under way and came back elsewhere",
            planned.load && result.evidence == DomainEvidence::fresh &&
                stage().disk().disk.replayed() != 0);
    reached("two faults and more in one resumed cycle",
            result.outcome == Outcome::resumed && planned.faults.size() > 1);
}

}  // namespace

const char* name_of(Finding::Kind kind) noexcept {
    switch (kind) {
        case Finding::Kind::invariant:
            return "invariant";
        case Finding::Kind::liveness:
            return "liveness";
        case Finding::Kind::crash:
            return "crash";
    }
    return "?";
}

void Tally::add(const Tally& other) {
    lives += other.lives;
    cycles += other.cycles;
    at_hypercall += other.at_hypercall;
    events += other.events;
    violations += other.violations;
    inconclusive += other.inconclusive;
    for (const auto member : {&Tally::outcomes, &Tally::acts, &Tally::faults, &Tally::rare}) {
        for (const auto& [name, count] : other.*member) {
            (this->*member)[name] += count;
        }
    }
}

const std::vector<std::string>& rare_states(model::GuestKind guest) {
    if (guest == model::GuestKind::kvm) {
        return rare_states_on_kvm();
    }
    static const std::vector<std::string> states{
        "aborted with device interrupts masked",
        "aborted because a vCPU did not come",
        "aborted because a hook never ended",
        "called off",
        "came back to its old domain with 0",
        "came up without its disk",
        "came up before its backend",
        "a completion came after its time",
        "went down with requests under way and came back elsewhere",
        "two faults and more in one resumed cycle",
        kTorn,
        kStorm,
        "a hypercall failed on the way back, and the guest said so",
        "the host never let the guest run again",
        "the guest was asked and had nothing to do",
    };
    return states;
}

LifeResult live(const LifePlan& plan, bool keep_trace, Chooser* chooser) {
    if (chooser == nullptr && !plan.choices.empty()) {
        Chooser own{plan.choices};
        return live(plan, keep_trace, &own);
    }
    return plan.guest == model::GuestKind::kvm ? live_on_kvm(plan, keep_trace, chooser)
                                               : Life{plan, chooser}.run(keep_trace);
}

}  // namespace resume::stress
