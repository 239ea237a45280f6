#include "tests/stress/kvm_run.h"

#include <spdlog/spdlog.h>

#include <iostream>

#include "libresume/oracle/trace_report.h"
#include "tests/stress/campaign/cycle_table.h"
#include "tests/stress/program/trace_file.h"

namespace resume::stress {

namespace {

constexpr Nanoseconds kStopped = 2 * model::kSecond;

/// Away to a younger host whose TSC runs at another rate, and back.
KvmModelledGuestConfig config_of(const GuestOptions& options) {
    KvmModelledGuestConfig config;
    config.machine.vcpus = options.vcpus;
    config.machine.seed = options.seed;
    config.machine.hosts = {{},
                            {.uptime = 5 * model::kSecond,
                             .tsc_hz = 1'900'000'000,
                             .tsc_start = 9'000'000,
                             .tsc_emulated = false}};
    config.policy = {.order = Policy::Order::by_seed, .seed = options.seed};
    config.bugs = options.bugs;
    return config;
}

}  // namespace

const char* why_never(Kind kind, Outcome outcome) {
    if (kind == Kind::s2idle && outcome == Outcome::cancelled) {
        return "nothing is lost in s2idle, so that resumed and cancelled are one";
    }
    if (kind == Kind::restore && outcome == Outcome::aborted) {
        return "a migration that is called off before the guest is stopped is not seen in it";
    }
    return nullptr;
}

KvmRun::KvmRun(const GuestOptions& options)
    : options_{options},
      guest_{config_of(options)},
      devices_{guest_, {.seed = options.seed, .bugs = options.bugs}} {}

void KvmRun::stop() noexcept {
    stopped_.store(true);
    guest_.guest().engine().call_off(Errc::called_off);
}

ExitCode KvmRun::run() {
    if (!boot()) {
        return ExitCode::own_fault;
    }
    for (const Outcome wanted : options_.cycles) {
        if (const char* const why = why_never(options_.kind, wanted)) {
            spdlog::info("SKIP {} of {}: {}", name_of(wanted), name_of(options_.kind), why);
        } else if (stopped_ || !cycle(wanted)) {
            break;
        }
    }
    if (!options_.trace_file.empty() && !write_trace(options_.trace_file, guest_.view())) {
        return ExitCode::own_fault;
    }
    if (!options_.json && reported_ > 0) {
        std::cout << reported_ << " cycles, "
                  << (all_right_ ? "all as they should be" : "NOT RIGHT") << '\n';
    }
    return all_right_ ? ExitCode::good : ExitCode::finding;
}

bool KvmRun::boot() {
    const model::RunResult up = guest_.boot();
    if (up.end != model::GuestEnd::returned) {
        spdlog::error("the guest did not come up: {}: {}", name_of(up.end), up.reason);
        return false;
    }
    if (!devices_.start()) {
        spdlog::error("the guest's virtio devices did not come up");
        return false;
    }
    spdlog::info("kvm with {} vCPUs is up", options_.vcpus);
    return true;
}

bool KvmRun::cycle(Outcome wanted) {
    model::RunResult lived;
    if (options_.kind == Kind::restore) {
        const auto act =
            wanted == Outcome::resumed ? model::KvmAct::snapshot : model::KvmAct::migrate_fails;
        lived = guest_.happens(act, kStopped);
    } else {
        lived = guest_.cycle(options_.kind, wanted).run;
    }
    if (lived.end != model::GuestEnd::returned) {
        spdlog::error("the guest died: {}: {}", name_of(lived.end), lived.reason);
    }
    report(wanted);
    return guest_.machine().alive();
}

/// Each cycle of the trace that was not there before: the wanted one first; what the guest finds
/// when it looks around after it is told as well.
void KvmRun::report(Outcome wanted) {
    const oracle::TraceView& view = guest_.view();
    const oracle::Verdict verdict = oracle::judge(view);
    const auto reports =
        oracle::reports_of(view, verdict, "model-" + std::to_string(options_.seed) + "-");
    const size_t before = reported_;
    for (; reported_ < reports.size(); ++reported_) {
        const oracle::CycleReport& one = reports[reported_];
        all_right_ = all_right_ && one.violations.empty();
        if (options_.json) {
            std::cout << oracle::to_line(one) << std::endl;
        } else {
            print_cycle(std::cout, one);
        }
    }
    const bool as_wanted =
        reported_ == before + 1 && (reports[before].outcome == name_of(wanted) || stopped_);
    all_right_ = all_right_ && as_wanted && guest_.machine().alive() && verdict.clean();
    if (!as_wanted) {
        spdlog::error("one cycle that is {} was wanted, and there were {}", name_of(wanted),
                      reported_ - before);
    }
    if (!verdict.inconclusive.empty()) {
        spdlog::warn("the oracle cannot tell: {}", verdict.inconclusive);
    }
}

}  // namespace resume::stress
