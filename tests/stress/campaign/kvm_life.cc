#include "tests/stress/campaign/kvm_life.h"

#include <cstdlib>
#include <utility>

#include "tests/stress/campaign/course.h"
#include "tests/stress/campaign/faults.h"
#include "tests/stress/campaign/kvm_stage.h"
#include "tests/stress/campaign/kvm_wholeness.h"

namespace resume::stress {

namespace {

constexpr const char* kWoken = "woken on its way down";
constexpr const char* kMasked = "aborted with device interrupts masked";
constexpr const char* kNotParked = "aborted because a vCPU did not come";
constexpr const char* kNeverEnded = "aborted because a hook never ended";
constexpr const char* kAwake = "the firmware did not sleep";
constexpr const char* kNoImage = "an image could not be written";
constexpr const char* kNoMemory = "there was no memory for an image";
constexpr const char* kReplayed = "requests were sent again after a reset";
constexpr const char* kMoved = "the host moved it in mid-cycle";
constexpr const char* kWallBack = "the wall clock was put back";
constexpr const char* kNoSeed = "a new generation, and no seed was taken";
constexpr const char* kManyFaults = "two faults and more in one resumed cycle";

bool has(const PlannedCycle& planned, FaultKind kind) {
    for (const PlannedFault& fault : planned.faults) {
        if (fault.kind == kind) {
            return true;
        }
    }
    return false;
}

/// When nothing keeps it from going down.
Outcome expected_of(const PlannedCycle& planned) {
    const bool cancelled =
        (planned.kvm == KvmWant::s3 && has(planned, FaultKind::firmware_awake)) ||
        (planned.kvm == KvmWant::hibernate && has(planned, FaultKind::image_made));
    return cancelled ? Outcome::cancelled : Outcome::resumed;
}

class KvmLife final : public Course<KvmStage> {
  public:
    using Course::Course;

  private:
    bool cycle(const PlannedCycle& planned) override;
    void judge_outcome(const PlannedCycle& planned, const KvmCycle& done);
    void judge_arrival(const PlannedCycle& planned);
    void judge_load_and_clock();
    void count(const PlannedCycle& planned, const KvmCycle& done);
    void count_rare(const PlannedCycle& planned, const KvmCycle& done);

    uint64_t replayed_ = 0;  ///< before the cycle
};

bool KvmLife::cycle(const PlannedCycle& planned) {
    replayed_ = stage().loaded().disk.replayed();
    stage().arm(planned);
    const KvmCycle done = stage().perform(planned);
    count(planned, done);
    if (!done.alive()) {
        find(Finding::Kind::crash, name_of(done.run.end), done.run.reason);
        return false;
    }
    if (is_hosts(planned.kvm)) {
        judge_arrival(planned);
    } else {
        judge_outcome(planned, done);
    }
    judge_load_and_clock();
    if (!result().finding) {
        stage().calm();
        if (!stage().complaint().empty()) {
            find(Finding::Kind::liveness, "refusal", stage().complaint());
        } else if (const std::string broken = stage().broken_promise(); !broken.empty()) {
            find(Finding::Kind::liveness, "promise", broken);
        }
    }
    return !result().finding;
}

void KvmLife::judge_outcome(const PlannedCycle& planned, const KvmCycle& done) {
    const uint8_t effects = effects_of(planned);
    if (!done.result) {
        find(Finding::Kind::liveness, "no-cycle", "the guest was to suspend and did nothing");
        return;
    }
    const CycleResult& result = *done.result;
    if (stage().slept_on()) {
        find(Finding::Kind::liveness, "wake-up",
             "the power button was pressed, and the guest slept until it was pressed again");
    } else if (result.outcome == Outcome::aborted && (effects & kAborts) == 0) {
        find(Finding::Kind::liveness, "aborted",
             std::string{"nothing kept the guest from going down, but "} +
                 name_of(result.stopped_at) + " ended with " + name_of(result.cause.code));
    } else if (result.outcome != Outcome::aborted && result.outcome != expected_of(planned)) {
        find(Finding::Kind::liveness, "outcome",
             std::string{name_of(planned.kvm)} + " was taken for " + name_of(result.outcome));
    } else if (result.errors_up != 0 && (effects & kLate) == 0) {
        find(Finding::Kind::liveness, "errors-up",
             std::to_string(result.errors_up) + " hooks failed on the way up for no reason");
    } else if (const Nanoseconds forgotten = stage().forgotten_steal();
               forgotten != 0 && result.outcome != Outcome::aborted) {
        find(Finding::Kind::liveness, "steal",
             std::to_string(forgotten) + " ns that others took before the cycle are forgotten");
    }
}

/// Whoever lives an earlier state again has to know.
void KvmLife::judge_arrival(const PlannedCycle& planned) {
    if (planned.kvm != KvmWant::snapshot && planned.kvm != KvmWant::clone) {
        return;
    }
    bool told = false;
    for (const resume::Finding& finding : stage().guest().findings()) {
        told = told || finding.descent != Descent::same;
        reached(kNoSeed, finding.reseed != Errc::none);
    }
    if (!told) {
        find(Finding::Kind::liveness, "generation",
             std::string{"a "} + name_of(planned.kvm) + " was taken for the same life");
    }
}

void KvmLife::judge_load_and_clock() {
    const LoadedVirtio& loaded = stage().loaded();
    if (!loaded.disk_load.clean()) {
        find(Finding::Kind::liveness, "disk",
             std::to_string(loaded.disk_load.doubled()) + " requests ended twice, " +
                 std::to_string(loaded.disk_load.mismatches()) + " sectors wrong, " +
                 std::to_string(loaded.disk_load.failed()) + " requests failed");
    }
    if (loaded.frame_load.wrong() + loaded.frame_load.doubled() != 0) {
        find(Finding::Kind::liveness, "network",
             std::to_string(loaded.frame_load.wrong()) + " frames wrong, " +
                 std::to_string(loaded.frame_load.doubled()) + " came twice");
    }
    if (stage().guest().guest().watchdog().lockups() != 0) {
        find(Finding::Kind::liveness, "watchdog",
             "a vCPU was taken for locked up while it was stopped");
    }
    const int64_t error = stage().guest().wall_error_ns();
    if (std::llabs(error) > KvmGuest::kWallBoundNs) {
        find(Finding::Kind::liveness, "clock",
             "the wall clock is off by " + std::to_string(error) + " ns");
    }
}

void KvmLife::count(const PlannedCycle& planned, const KvmCycle& done) {
    Tally& tally = result().tally;
    ++tally.cycles;
    Tally::count(tally.acts, name_of(planned.kvm));
    for (const PlannedFault& fault : planned.faults) {
        Tally::count(tally.faults, row_of(fault.kind).name);
    }
    const bool down =
        is_hosts(planned.kvm) || (done.result && (done.result->outcome != Outcome::aborted ||
                                                  done.result->stopped_at == Step::enter));
    tally.at_hypercall += down ? 1 : 0;
    CycleNote note{done.result             ? name_of(done.result->outcome)
                   : !done.alive()         ? "died"
                   : is_hosts(planned.kvm) ? "not asked"
                                           : "none",
                   ""};
    Tally::count(tally.outcomes, note.outcome);
    result().notes.push_back(std::move(note));
    count_rare(planned, done);
}

void KvmLife::count_rare(const PlannedCycle& planned, const KvmCycle& done) {
    reached(kMoved, stage().moved_in_mid_cycle());
    reached(kReplayed, stage().loaded().disk.replayed() != replayed_);
    for (const resume::Finding& finding : stage().guest().findings()) {
        reached(kWallBack, finding.wall_step_ns < 0);
    }
    if (!done.result) {
        return;
    }
    const CycleResult& result = *done.result;
    if (result.outcome == Outcome::aborted) {
        reached(kWoken, result.cause.code == Errc::called_off &&
                            has(planned, FaultKind::wakes_early) &&
                            !has(planned, FaultKind::call_off));
        reached(kMasked, result.stopped_at == Step::suspend_noirq);
        reached(kNotParked, result.stopped_at == Step::park_vcpus);
        reached(kNeverEnded,
                result.cause.code == Errc::timed_out && result.stopped_at != Step::park_vcpus);
        reached(kNoMemory, result.stopped_at == Step::enter);
    }
    reached(kAwake, result.outcome == Outcome::cancelled && planned.kvm == KvmWant::s3);
    reached(kNoImage, result.outcome == Outcome::cancelled && planned.kvm == KvmWant::hibernate);
    reached(kManyFaults, result.outcome == Outcome::resumed && planned.faults.size() > 1);
}

}  // namespace

const std::vector<std::string>& rare_states_on_kvm() {
    static const std::vector<std::string> states{kWoken, kMasked,   kNotParked, kNeverEnded,
                                                 kAwake, kNoImage,  kNoMemory,  kReplayed,
                                                 kMoved, kWallBack, kNoSeed,    kManyFaults};
    return states;
}

LifeResult live_on_kvm(const LifePlan& plan, bool keep_trace, Chooser* chooser) {
    return KvmLife{plan, chooser}.run(keep_trace);
}

}  // namespace resume::stress
