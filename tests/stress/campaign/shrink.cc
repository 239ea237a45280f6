#include "tests/stress/campaign/shrink.h"

#include <algorithm>
#include <utility>

#include "tests/stress/campaign/faults.h"

namespace resume::stress {

namespace {

constexpr bool LifePlan::*kSwitches[] = {
    &LifePlan::network,    &LifePlan::vcpu_vector, &LifePlan::persistent, &LifePlan::reads_clock,
    &LifePlan::calls_cpus, &LifePlan::balloon,     &LifePlan::fifo,
};

/// False when a fault speaks of the device at `index`, which is not in the plan any more.
bool forget_device(LifePlan& plan, uint32_t index) {
    for (PlannedCycle& cycle : plan.cycles) {
        for (PlannedFault& fault : cycle.faults) {
            for (const auto& [number, word] :
                 {std::pair{&fault.a, "{dev a}"}, std::pair{&fault.c, "{dev c}"}}) {
                if (!speaks_of(fault.kind, word)) {
                    continue;
                }
                if (*number == index) {
                    return false;
                }
                *number -= *number > index ? 1U : 0U;
            }
        }
    }
    return true;
}

class Shrinker {
  public:
    Shrinker(LifePlan plan, Finding finding)
        : plan_{std::move(plan)}, finding_{std::move(finding)} {}

    Shrunk run() {
        cut_after_the_finding();
        for (size_t before = 0; before != cost();) {
            before = cost();
            drop_cycles();
            drop_faults();
            make_plain();
        }
        LifeResult result = live(plan_, true);
        return {std::move(plan_), std::move(result), tried_};
    }

  private:
    bool keep_if_it_fails(LifePlan smaller) {
        ++tried_;
        const LifeResult result = live(smaller);
        if (!result.finding || !result.finding->same(finding_)) {
            return false;
        }
        finding_.cycle = result.finding->cycle;
        plan_ = std::move(smaller);
        return true;
    }

    void cut_after_the_finding() {
        const size_t needed = std::max<size_t>(1, finding_.cycle);
        if (needed < plan_.cycles.size()) {
            LifePlan smaller = plan_;
            smaller.cycles.resize(needed);
            (void)keep_if_it_fails(std::move(smaller));
        }
    }

    /// Halves first, then quarters, down to single cycles.
    void drop_cycles() {
        for (size_t step = std::max<size_t>(1, plan_.cycles.size() / 2); step > 0; step /= 2) {
            for (size_t at = 0; at < plan_.cycles.size() && plan_.cycles.size() > 1;) {
                LifePlan smaller = plan_;
                const auto first = smaller.cycles.begin() + static_cast<std::ptrdiff_t>(at);
                const size_t count = std::min(step, smaller.cycles.size() - at);
                smaller.cycles.erase(first, first + static_cast<std::ptrdiff_t>(count));
                if (smaller.cycles.empty() || !keep_if_it_fails(std::move(smaller))) {
                    at += step;
                }
            }
        }
    }

    void drop_faults() {
        for (size_t cycle = 0; cycle < plan_.cycles.size(); ++cycle) {
            for (size_t at = 0; at < plan_.cycles[cycle].faults.size();) {
                LifePlan smaller = plan_;
                auto& faults = smaller.cycles[cycle].faults;
                faults.erase(faults.begin() + static_cast<std::ptrdiff_t>(at));
                at += keep_if_it_fails(std::move(smaller)) ? 0U : 1U;
            }
        }
    }

    template <class T>
    void plain(T LifePlan::*member, T value) {
        if (plan_.*member != value) {
            LifePlan smaller = plan_;
            smaller.*member = value;
            (void)keep_if_it_fails(std::move(smaller));
        }
    }

    void make_plain() {
        plain(&LifePlan::order, uint64_t{0});
        plain(&LifePlan::seed, uint64_t{1});
        for (const auto member :
             {&LifePlan::tick_ms, &LifePlan::segments, &LifePlan::spare_vcpus}) {
            plain(member, 0U);
        }
        for (const auto member : {&LifePlan::vcpus, &LifePlan::hosts, &LifePlan::queues}) {
            plain(member, 1U);
        }
        for (const auto member : kSwitches) {
            plain(member, false);
        }
        drop_devices();
        for (size_t i = 0; i < plan_.cycles.size(); ++i) {
            LifePlan smaller = plan_;
            smaller.cycles[i].load = false;
            smaller.cycles[i].awake_ms = 0;
            if (plan_.cycles[i].load || plan_.cycles[i].awake_ms != 0) {
                (void)keep_if_it_fails(std::move(smaller));
            }
        }
    }

    /// From the end, so that who is below another goes before it. What faults say of those behind
    /// it by number is moved along.
    void drop_devices() {
        for (size_t at = plan_.devices.size(); at-- > 0;) {
            LifePlan smaller = plan_;
            smaller.devices.erase(smaller.devices.begin() + static_cast<std::ptrdiff_t>(at));
            if (!has_children(plan_, static_cast<uint32_t>(at)) &&
                forget_device(smaller, static_cast<uint32_t>(at))) {
                (void)keep_if_it_fails(std::move(smaller));
            }
        }
    }

    /// What every round must make smaller, or it was the last.
    [[nodiscard]] size_t cost() const {
        size_t cost = size_of(plan_) * 16 + (plan_.order != 0) + (plan_.seed != 1) +
                      (plan_.tick_ms != 0) + (plan_.segments != 0) + plan_.vcpus + plan_.hosts +
                      plan_.queues + plan_.spare_vcpus + plan_.devices.size();
        for (const auto member : kSwitches) {
            cost += plan_.*member ? 1U : 0U;
        }
        for (const PlannedCycle& cycle : plan_.cycles) {
            cost += cycle.load + (cycle.awake_ms != 0);
        }
        return cost;
    }

    LifePlan plan_;
    Finding finding_;
    uint32_t tried_ = 0;
};

}  // namespace

size_t size_of(const LifePlan& plan) {
    size_t size = plan.cycles.size();
    for (const PlannedCycle& cycle : plan.cycles) {
        size += cycle.faults.size();
    }
    return size;
}

Shrunk shrink(const LifePlan& plan, const LifeResult& result) {
    return Shrinker{plan, *result.finding}.run();
}

}  // namespace resume::stress
