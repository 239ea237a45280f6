#include "tests/stress/explore/explore.h"

#include <algorithm>
#include <cstdio>
#include <unordered_set>
#include <utility>

#include "tests/stress/campaign/chooser.h"
#include "tests/stress/campaign/faults.h"
#include "tests/stress/explore/independence.h"
#include "tests/stress/explore/positions.h"

namespace resume::stress {

namespace {

using Clock = std::chrono::steady_clock;

constexpr model::HostAct kActs[] = {
    model::HostAct::checkpoint,         model::HostAct::fast,    model::HostAct::slow,
    model::HostAct::in_place,           model::HostAct::migrate, model::HostAct::save_restore,
    model::HostAct::migrate_fails_late,
};

/// What may be wanted of such a guest.
std::vector<PlannedCycle> wants_of(model::GuestKind guest) {
    std::vector<PlannedCycle> wants;
    if (guest == model::GuestKind::kvm) {
        for (uint8_t i = 0; i < kKvmWantCount; ++i) {
            wants.push_back({.kvm = static_cast<KvmWant>(i), .load = true, .awake_ms = 5});
        }
        return wants;
    }
    for (const model::HostAct act : kActs) {
        wants.push_back({.act = act, .load = true, .awake_ms = 5});
    }
    return wants;
}

struct Order {
    std::vector<uint32_t> choices;
    uint32_t preemptions = 0;
};

/// One order, run.
struct Run {
    LifeResult result;
    std::vector<Chooser::Point> points;
    uint64_t end = 0;  ///< the state that it came to
};

class Explorer {
  public:
    Explorer(const ExploreOptions& options, const std::atomic<bool>& stop)
        : options_{options}, stop_{stop} {}

    ExploreResult run() {
        for (const PlannedCycle& wanted : wants_of(options_.tree.guest)) {
            explore_outcome(wanted);
        }
        result_.states = states_.size();
        result_.complete = !given_up_;
        result_.seconds = std::chrono::duration<double>(Clock::now() - started_).count();
        return std::move(result_);
    }

  private:
    [[nodiscard]] bool over() {
        const bool late = options_.time && Clock::now() - started_ >= *options_.time;
        const bool failed = !options_.keep_going && !result_.failures.empty();
        given_up_ = given_up_ || late || stop_ || failed;
        return given_up_;
    }

    Run take(LifePlan plan, const std::vector<uint32_t>& choices);
    void explore_outcome(const PlannedCycle& wanted);
    void explore_orders(const LifePlan& plan);
    void look_at_choices(const LifePlan& plan, const Order& order, const Run& run,
                         std::vector<Order>& todo);
    bool may_leave_out(const LifePlan& plan, const Run& run, size_t at, uint32_t choice,
                       const std::vector<uint32_t>& choices);
    void tell(const PlannedCycle& wanted) const;

    const ExploreOptions& options_;
    const std::atomic<bool>& stop_;
    const Clock::time_point started_ = Clock::now();
    ExploreResult result_;
    std::unordered_set<uint64_t> states_;
    std::set<std::pair<DeviceId, Phase>> hooks_;  ///< that run in a cycle without any fault
    bool given_up_ = false;
};

Run Explorer::take(LifePlan plan, const std::vector<uint32_t>& choices) {
    plan.choices = choices;
    Chooser chooser{choices};
    Run run;
    run.result = live(plan, true, &chooser);
    run.points = chooser.points();
    run.end = chooser.end_state();
    ++result_.runs;
    result_.choices += run.points.size();
    for (const Chooser::Point& point : run.points) {
        states_.insert(point.state);
    }
    states_.insert(run.end);
    if (run.result.finding) {
        result_.failures.push_back({std::move(plan), *run.result.finding});
    }
    return run;
}

void Explorer::explore_outcome(const PlannedCycle& wanted) {
    if (over()) {
        return;
    }
    ++result_.outcomes;
    LifePlan plan = options_.tree;
    plan.cycles = {wanted};
    const LifeResult plain = live(plan, true);
    hooks_.clear();
    for (const TraceEvent& event : plain.view.events) {
        if (event.kind == EventKind::hook_begin) {
            hooks_.emplace(event.device, event.phase);
        }
    }
    const std::vector<PlannedFault> faults = fault_positions(plan, plain.view);
    explore_orders(plan);
    for (size_t i = 0; i < faults.size() && !over(); ++i) {
        plan.cycles.front().faults = {faults[i]};
        explore_orders(plan);
        // The host that is gone takes all that could follow with it.
        for (size_t other = i + 1; options_.pairs && other < faults.size() && !over(); ++other) {
            if (faults[other].kind != FaultKind::host_gone) {
                plan.cycles.front().faults = {faults[i], faults[other]};
                explore_orders(plan);
            }
        }
        tell(wanted);
    }
}

void Explorer::explore_orders(const LifePlan& plan) {
    ++result_.positions;
    std::vector<Order> todo{Order{}};
    while (!todo.empty() && !over()) {
        const Order order = std::move(todo.back());
        todo.pop_back();
        const Run run = take(plan, order.choices);
        ++result_.orders;
        look_at_choices(plan, order, run, todo);
    }
}

/// What could have gone first instead, wherever this order went on by itself.
void Explorer::look_at_choices(const LifePlan& plan, const Order& order, const Run& run,
                               std::vector<Order>& todo) {
    if (order.preemptions >= options_.preemptions) {
        return;
    }
    for (size_t at = order.choices.size(); at < run.points.size() && !over(); ++at) {
        for (uint32_t choice = 1; choice < run.points[at].ready.size() && !over(); ++choice) {
            std::vector<uint32_t> choices = order.choices;
            choices.resize(at, 0);
            choices.push_back(choice);
            if (options_.reduce && may_leave_out(plan, run, at, choice, choices)) {
                ++result_.left_out;
            } else {
                todo.push_back({std::move(choices), order.preemptions + 1});
            }
        }
    }
}

/// Whether the device that would go first now has nothing to do with all that went before it in
/// this run. Of pairs that were not seen before, the other order is run as well.
bool Explorer::may_leave_out(const LifePlan& plan, const Run& run, size_t at, uint32_t choice,
                             const std::vector<uint32_t>& choices) {
    const oracle::TraceView& view = run.result.view;
    const DeviceId device = run.points[at].ready[choice];
    const std::string name = view.device_name(device);
    std::vector<std::string> before;
    Phase phase = Phase::none;
    bool had_its_turn = false;
    for (size_t i = run.points[at].event; i < view.events.size() && !had_its_turn; ++i) {
        const TraceEvent& event = view.events[i];
        if (event.kind == EventKind::step_end) {
            break;
        }
        if (event.kind != EventKind::hook_begin) {
            continue;
        }
        phase = event.phase;
        had_its_turn = event.device == device;
        before.push_back(view.device_name(event.device));
    }
    if (phase == Phase::none || !hooks_.contains({device, phase})) {
        return true;  // it has no hook there: its turn is none
    }
    if (!had_its_turn) {
        return false;  // something ended the walk before it
    }
    before.pop_back();
    std::vector<HookPair> pairs;
    for (const std::string& other : before) {
        HookPair pair{std::min(name, other), std::max(name, other), phase};
        if (!declared_independent(name, other, plan) || result_.refuted.contains(pair)) {
            return false;
        }
        if (!result_.checked.contains(pair)) {
            pairs.push_back(std::move(pair));
        }
    }
    if (pairs.empty() || run.result.finding) {
        return pairs.empty();
    }
    const Run swapped = take(plan, choices);
    const bool same = !swapped.result.finding && swapped.end == run.end;
    (same ? result_.checked : result_.refuted).insert(pairs.begin(), pairs.end());
    return same;
}

void Explorer::tell(const PlannedCycle& wanted) const {
    if (options_.progress) {
        std::fprintf(stderr, "\r\033[K%s: %llu runs, %llu left out, %zu states, %zu failures",
                     want_of(options_.tree, wanted), static_cast<unsigned long long>(result_.runs),
                     static_cast<unsigned long long>(result_.left_out), states_.size(),
                     result_.failures.size());
    }
}

}  // namespace

ExploreResult explore(const ExploreOptions& options, const std::atomic<bool>& stop) {
    return Explorer{options, stop}.run();
}

}  // namespace resume::stress
