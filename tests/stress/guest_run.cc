#include "tests/stress/guest_run.h"

#include <spdlog/spdlog.h>

#include <iostream>

#include "drivers/model/store/bridged.h"
#include "libresume/oracle/trace_report.h"
#include "tests/graveyard.h"
#include "tests/stress/campaign/cycle_table.h"
#include "tests/stress/program/trace_file.h"

namespace resume::stress {

namespace {

constexpr const char* kRefusing = "vbd-51712";
constexpr uint32_t kBridgedTickMs = 1'000;

ModelledGuestConfig config_of(const GuestOptions& options) {
    ModelledGuestConfig config;
    config.machine.guest = options.guest;
    config.machine.vcpus = options.vcpus;
    config.machine.seed = options.seed;
    config.policy = {.order = Policy::Order::by_seed, .seed = options.seed};
    config.bugs = options.bugs;
    if (!options.socket.empty()) {
        // In real time a tick is work; a person at the store does not need a hundred a second.
        config.tick_ms = kBridgedTickMs;
        config.machine.patience = model::kNever;
    }
    return config;
}

model::HostAct act_for(Outcome outcome) {
    return outcome == Outcome::resumed ? model::HostAct::save_restore : model::HostAct::checkpoint;
}

}  // namespace

GuestRun::GuestRun(const GuestOptions& options) : options_{options}, guest_{config_of(options)} {
    if (options.socket.empty()) {
        return;
    }
    auto store = std::make_unique<model::BridgedStore>(options.socket, options.base_path,
                                                       guest_.machine().clock);
    store->log = [](const std::string& text) { spdlog::warn("store: {}", text); };
    store->reconnected = [this] {
        guest_.machine().clock.after(0, [this] { publisher_->publish_later(); });
    };
    guest_.machine().use_store(std::move(store));
    const Nanoseconds away = options.away_ms * model::kMillisecond;
    guest_.machine().toolstack.save_time = away / 2;
    guest_.machine().toolstack.restore_time = away / 2;
}

GuestRun::~GuestRun() = default;

void GuestRun::stop() noexcept {
    stopped_.store(true);
    guest_.guest().engine().call_off(Errc::called_off);
}

ExitCode GuestRun::run() {
    if (!boot()) {
        return ExitCode::own_fault;
    }
    for (const Outcome wanted : options_.cycles) {
        if (stopped_ || !cycle(wanted)) {
            break;
        }
    }
    end_publishing();
    if (!options_.trace_file.empty() && !write_trace(options_.trace_file, guest_.view())) {
        return ExitCode::own_fault;
    }
    if (!options_.json && reported_ > 0) {
        std::cout << reported_ << " cycles, "
                  << (all_right_ ? "all as they should be" : "NOT RIGHT") << '\n';
    }
    return all_right_ ? ExitCode::good : ExitCode::finding;
}

bool GuestRun::boot() {
    const model::RunResult up = guest_.boot();
    if (up.end != model::GuestEnd::returned) {
        spdlog::error("the guest did not come up: {}: {}", name_of(up.end), up.reason);
        return false;
    }
    publisher_ = std::make_unique<Publisher>(
        guest_.guest().store(), [](const std::string& text) { spdlog::error("store: {}", text); });
    guest_.run([this] {
        RESUME_ASSERT(guest_.guest().add(*publisher_).ok());
        publisher_->start();
    });
    if (options_.socket.empty()) {
        spdlog::info("{} with {} vCPUs is up", model::name_of(options_.guest), options_.vcpus);
    } else {
        spdlog::info("{} with {} vCPUs is up; it waits for {}/control/shutdown",
                     model::name_of(options_.guest), options_.vcpus, options_.base_path);
    }
    return true;
}

bool GuestRun::wait_for_request(model::HostAct act) {
    guest_.machine().toolstack.follow(act);
    bool over = false;
    const model::RunResult lived = guest_.run([&] {
        while (!stopped_ && !over) {
            over = guest_.serve(model::kSecond);
            publisher_->serve();
        }
    });
    if (!guest_.machine().alive()) {
        spdlog::error("the guest died: {}: {}", name_of(lived.end), lived.reason);
    }
    return over;
}

bool GuestRun::cycle(Outcome wanted) {
    Behaviour& behaviour = guest_.device(kRefusing).behaviour;
    const Behaviour ordinary = behaviour;
    if (wanted == Outcome::aborted) {
        behaviour.refuse = Errc::refused;
    }
    bool over = false;
    if (options_.socket.empty()) {
        const Cycle done = guest_.cycle(act_for(wanted));
        over = done.result.has_value();
        if (!done.alive()) {
            spdlog::error("the guest died: {}: {}", name_of(done.run.end), done.run.reason);
        }
    } else {
        over = wait_for_request(act_for(wanted));
    }
    behaviour = ordinary;
    if (over || !guest_.machine().alive()) {
        report(wanted);
    } else if (!stopped_) {
        spdlog::error("the guest was asked for a cycle that should be {} and did none",
                      name_of(wanted));
        all_right_ = false;
    }
    return guest_.machine().alive();
}

void GuestRun::report(Outcome wanted) {
    const oracle::TraceView& view = guest_.view();
    const oracle::Verdict verdict = oracle::judge(view);
    const auto reports =
        oracle::reports_of(view, verdict, "model-" + std::to_string(options_.seed) + "-");
    if (reports.empty()) {
        return;
    }
    const oracle::CycleReport& last = reports.back();
    ++reported_;
    const bool alive = guest_.machine().alive();
    all_right_ = all_right_ && alive && last.violations.empty() && verdict.inconclusive.empty() &&
                 (last.outcome == name_of(wanted) || stopped_);
    if (options_.json) {
        std::cout << oracle::to_line(last) << std::endl;
    } else {
        print_cycle(std::cout, last);
    }
    if (!verdict.inconclusive.empty()) {
        spdlog::warn("the oracle cannot tell: {}", verdict.inconclusive);
    }
    if (alive) {
        const std::string line = oracle::cut_line(oracle::to_line(last), Publisher::kLastMax);
        guest_.run([&] { publisher_->set_last(line); });
    }
}

void GuestRun::end_publishing() {
    if (!guest_.machine().alive()) {
        // It stays where the guest died, as the guest's own objects do.
        test::bury({publisher_.release()});
        return;
    }
    guest_.run([this] {
        publisher_->stop();
        (void)guest_.guest().remove(*publisher_);
    });
}

}  // namespace resume::stress
