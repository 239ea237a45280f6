#include "tests/stress/real/campaign.h"

#include <poll.h>
#include <spdlog/spdlog.h>
#include <unistd.h>

#include <nlohmann/json.hpp>
#include <optional>
#include <utility>

#include "agent/base/files.h"
#include "tests/stress/campaign/campaign.h"
#include "tests/stress/real/command.h"
#include "tests/stress/real/witness.h"

namespace resume::stress::real {

namespace {

/// An agent that looks a dead disk over tells late.
constexpr std::chrono::seconds kAgentsTime{30};

std::string boot_id() {
    return agent::read_line("/proc/sys/kernel/random/boot_id").value_or("");
}

class Campaign {
  public:
    Campaign(const Options& options, std::unique_ptr<Driver> driver, const std::atomic<bool>& stop,
             std::ostream& out)
        : options_{options},
          stop_{stop},
          out_{out},
          driver_{std::move(driver)},
          pattern_{options.memory_mib, options.seed},
          devices_{is_elsewhere(options.method) ? std::nullopt : std::optional<Devices>{Devices{}}},
          reports_{driver_->reports()} {}

    State run() {
        take_up();
        driver_->prepare(state_);
        state_.boot_id = boot_id();
        save();
        if (!state_.probed) {
            probe();
        }
        while (state_.begun < options_.cycles && !stop_) {
            const CycleDraw draw = draw_cycle(options_, state_.begun + 1);
            ++state_.begun;
            save();
            one(draw);
            ++state_.ended;
            save();
            rest(draw.awake_ms);
        }
        return std::move(state_);
    }

  private:
    void save() { write_state(options_.state_file, state_); }

    /// Goes on with what is on disk, when it is of this campaign.
    void take_up() {
        State left = read_state(options_.state_file);
        put_back(left);
        if (left.campaign != campaign_of(options_)) {
            if (!left.campaign.empty()) {
                spdlog::warn("{}: of another campaign ({}): this one starts anew",
                             options_.state_file, left.campaign);
            }
            state_.campaign = campaign_of(options_);
            return;
        }
        state_ = std::move(left);
        if (state_.begun > state_.ended) {
            const bool died = state_.boot_id != boot_id();
            state_.failures.push_back({.cycle = state_.begun,
                                       .what = died ? "the guest was started anew in this cycle"
                                                    : "this program was killed in this cycle",
                                       .crash = died});
            state_.ended = state_.begun;
        }
        spdlog::info("{}: goes on behind cycle {}", options_.state_file, state_.ended);
    }

    /// Before many: that the guest wakes up again at all, and that it does so when it should.
    void probe() {
        kernel_.take();
        const CycleResult result = driver_->cycle(draw_cycle(options_, 0));
        if (!result.problem.empty()) {
            std::string text = "the probe cycle failed, so none is run: " + result.problem;
            for (const std::string& line : kernel_.take()) {
                text += "\n    " + line;
            }
            throw NotAvailable{text};
        }
        state_.probed = true;
        save();
        if (reports_.here() && !reports_.wait(kAgentsTime)) {
            spdlog::warn("there is an agent, but it told nothing of the probe cycle");
        }
    }

    void one(const CycleDraw& draw) {
        kernel_.take();
        reports_.forget();
        problems_.clear();
        shell("--before", options_.before, draw);
        CycleResult result = driver_->cycle(draw);
        note(result.problem);
        shell("--after", options_.after, draw);
        shell("--check", options_.check, draw);
        note(pattern_.problem());
        if (devices_) {
            note(devices_->problem());
        }
        hear_agent(result);
        if (result.needs_reset) {
            note(driver_->reset());
        }
        ++state_.outcomes[(result.act.empty() ? "" : result.act + " ") + result.outcome];
        tell(draw, result);
    }

    void note(std::string problem) {
        if (!problem.empty()) {
            problems_.push_back(std::move(problem));
        }
    }

    void shell(const char* option, const std::string& command, const CycleDraw& draw) {
        if (command.empty()) {
            return;
        }
        std::vector<std::string> environment = driver_->environment();
        environment.push_back("RESUME_CYCLE=" + std::to_string(draw.number));
        const CommandResult result = run_shell(command, environment, options_.patience);
        if (!result.good()) {
            note(std::string{option} + ": " + result.text());
        }
    }

    /// An agent that says otherwise is a failure, of the agent's or of ours.
    void hear_agent(const CycleResult& result) {
        if (!reports_.here()) {
            return;
        }
        const auto report = reports_.wait(kAgentsTime);
        if (!report) {
            note("the agent told nothing of it");
            return;
        }
        ++state_.reported;
        // A refused sleep is named by its state, whatever was to be tested with it.
        const bool kind = report->kind == driver_->kind() || result.outcome == "aborted";
        if (!kind || report->outcome != result.outcome ||
            (result.error != 0 && report->error != result.error)) {
            note("the agent says " + report->kind + " " + report->outcome + " errno " +
                 std::to_string(report->error) + ", not " + driver_->kind() + " " + result.outcome +
                 " errno " + std::to_string(result.error));
        }
    }

    void tell(const CycleDraw& draw, const CycleResult& result) {
        std::vector<std::string> log = kernel_.take();
        for (const std::string& problem : problems_) {
            state_.failures.push_back(
                {.cycle = draw.number, .what = problem, .log = std::exchange(log, {})});
        }
        if (options_.json) {
            out_ << nlohmann::json{{"cycle", draw.number},
                                   {"act", result.act},
                                   {"outcome", result.outcome},
                                   {"problems", problems_}}
                        .dump(-1, ' ', false, nlohmann::json::error_handler_t::replace)
                 << std::endl;
            return;
        }
        for (const std::string& problem : problems_) {
            out_ << "cycle " << draw.number << ": " << problem << std::endl;
        }
    }

    /// Interrupted by a signal, as it should be.
    void rest(uint32_t ms) const {
        if (!stop_) {
            ::poll(nullptr, 0, static_cast<int>(ms));
        }
    }

    const Options& options_;
    const std::atomic<bool>& stop_;
    std::ostream& out_;
    std::unique_ptr<Driver> driver_;
    Pattern pattern_;
    KernelLog kernel_;
    std::optional<Devices> devices_;  ///< where this machine may be the guest
    Reports& reports_;                ///< the driver's
    State state_;
    std::vector<std::string> problems_;
};

}  // namespace

State run_campaign(const Options& options, std::unique_ptr<Driver> driver,
                   const std::atomic<bool>& stop, std::ostream& out) {
    State state = Campaign{options, std::move(driver), stop, out}.run();
    if (state.ended == options.cycles) {
        ::unlink(options.state_file.c_str());  // there is nothing to go on with
    }
    return state;
}

}  // namespace resume::stress::real
