#include "tests/stress/real/method.h"

#include <string.h>

#include "agent/base/files.h"
#include "tests/stress/campaign/dice.h"
#include "tests/stress/real/command.h"

namespace resume::stress::real {

namespace {

constexpr const char* kState = "/sys/power/state";
constexpr const char* kPmTest = "/sys/power/pm_test";
constexpr const char* kMemSleep = "/sys/power/mem_sleep";
constexpr const char* kAlarm = "/sys/class/rtc/rtc0/wakealarm";
constexpr const char* kRtcSeconds = "/sys/class/rtc/rtc0/since_epoch";

uint32_t drawn(Dice& dice, Span span) {
    return span.least + dice.below(span.most - span.least + 1);
}

/// Of "none core [devices] freezer": the chosen one.
std::string chosen_of(const std::string& line) {
    const size_t open = line.find('[');
    const size_t close = line.find(']');
    return open == std::string::npos || close == std::string::npos || close < open
               ? std::string{}
               : line.substr(open + 1, close - open - 1);
}

bool has_word(const std::string& line, const std::string& word) {
    return !word.empty() && (" " + line + " ").find(" " + word + " ") != std::string::npos;
}

std::string said(int error) {
    return std::string{strerror(error)} + " (errno " + std::to_string(error) + ")";
}

/// All methods by which this guest goes to sleep on its own.
class Sleeper : public Driver {
  public:
    Sleeper(Method method, const std::string& reports) : method_{method}, reports_{reports} {}

    [[nodiscard]] std::string kind() const override { return name_of(method_); }
    Reports& reports() override { return reports_; }

  protected:
    /// Writes to /sys/power/state, and says how it ended.
    CycleResult sleep() {
        const int error =
            agent::write_existing(kState, method_ == Method::s2idle ? "freeze" : "mem");
        CycleResult result;
        result.outcome = error == 0 ? "resumed" : "aborted";
        result.error = error;
        if (error != 0) {
            result.problem = "the kernel refused: " + said(error);
        }
        return result;
    }

    Method method_;

  private:
    AgentReports reports_;
};

class PmTest final : public Sleeper {
  public:
    explicit PmTest(const Options& options)
        : Sleeper{Method::pm_test, options.reports_folder}, level_{options.level} {}
    PmTest(const PmTest&) = delete;
    PmTest& operator=(const PmTest&) = delete;
    ~PmTest() override {
        if (!was_.empty()) {
            agent::write_existing(kPmTest, was_);
        }
    }

    void prepare(State& state) override {
        const auto line = agent::read_line(kPmTest);
        if (!line) {
            throw NotAvailable{agent::explain(kPmTest, errno) +
                               ": the kernel needs CONFIG_PM_SLEEP_DEBUG, and this needs root"};
        }
        state.pm_test_was = chosen_of(*line);
        // With "none" it would be a real sleep, and nothing to wake the guest.
        if (level_ == "none" || (level_ != state.pm_test_was && !has_word(*line, level_))) {
            throw NotAvailable{"pm_test has no level '" + level_ + "', it has: " + *line};
        }
        was_ = state.pm_test_was;
    }

    CycleResult cycle(const CycleDraw&) override {
        if (const int error = agent::write_existing(kPmTest, level_); error != 0) {
            return {.outcome = "failed",
                    .error = error,
                    .problem = agent::explain(std::string{"cannot write "} + kPmTest, error)};
        }
        CycleResult result = sleep();
        agent::write_existing(kPmTest, was_);
        return result;
    }

  private:
    std::string level_;
    std::string was_;
};

/// S3 and s2idle, woken by the RTC's alarm.
class Asleep final : public Sleeper {
  public:
    using Sleeper::Sleeper;

    void prepare(State&) override {
        if (!agent::read_number(kRtcSeconds)) {
            throw NotAvailable{agent::explain(kRtcSeconds, errno) +
                               ": nothing could wake this guest"};
        }
        if (method_ == Method::s3) {
            const auto ways = agent::read_line(kMemSleep);
            if (!ways || ways->find("deep") == std::string::npos) {
                throw NotAvailable{"this machine has no S3: " + std::string{kMemSleep} + " says '" +
                                   ways.value_or("") + "'"};
            }
            if (const int error = agent::write_existing(kMemSleep, "deep"); error != 0) {
                throw NotAvailable{agent::explain(std::string{"cannot write "} + kMemSleep, error)};
            }
        }
    }

    CycleResult cycle(const CycleDraw& draw) override {
        constexpr uint32_t kSecondMs = 1000;
        // The alarm counts whole seconds: one that is just beginning may be over at once.
        const int64_t seconds = draw.asleep_ms / kSecondMs + 1;
        const auto now = agent::read_number(kRtcSeconds);
        agent::write_existing(kAlarm, "0");
        const int error =
            !now ? errno : agent::write_existing(kAlarm, std::to_string(*now + seconds));
        if (error != 0) {
            return {.outcome = "failed",
                    .error = error,
                    .problem = agent::explain("the RTC took no alarm", error)};
        }
        CycleResult result = sleep();
        const auto woken = agent::read_number(kRtcSeconds);
        agent::write_existing(kAlarm, "0");
        if (result.problem.empty() && woken && *woken < *now + seconds - 1) {
            result.problem = "awake " + std::to_string(*now + seconds - *woken) +
                             " s before the alarm: something else wakes it, or it does not sleep";
        }
        return result;
    }
};

class Commanded final : public Driver {
  public:
    explicit Commanded(const Options& options) : options_{options} {}

    void prepare(State&) override {}
    [[nodiscard]] std::string kind() const override { return {}; }
    Reports& reports() override { return none_; }

    CycleResult cycle(const CycleDraw& draw) override {
        const CommandResult result =
            run_shell(options_.cycle_command,
                      {"RESUME_CYCLE=" + std::to_string(draw.number),
                       "RESUME_ASLEEP_MS=" + std::to_string(draw.asleep_ms)},
                      options_.patience);
        CycleResult cycle;
        cycle.outcome = result.good() ? "done" : "failed";
        cycle.problem = result.good() ? "" : "--cycle-cmd: " + result.text();
        cycle.needs_reset = !result.good();
        return cycle;
    }

    std::string reset() override {
        if (options_.reset_command.empty()) {
            return {};
        }
        const CommandResult result = run_shell(options_.reset_command, {}, options_.patience);
        return result.good() ? "" : "--reset-cmd: " + result.text();
    }

  private:
    const Options& options_;
    NoReports none_;
};

}  // namespace

CycleDraw draw_cycle(const Options& options, uint64_t number) {
    Dice dice{mixed(options.seed) + number};
    CycleDraw draw{.number = number};
    draw.asleep_ms = drawn(dice, options.asleep_ms);
    draw.awake_ms = drawn(dice, options.awake_ms);
    return draw;
}

Act act_of(const Options& options, const CycleDraw& draw) {
    Dice dice{mixed(options.seed ^ mixed(draw.number))};
    uint32_t all = 0;
    for (const MixRow& row : options.mix) {
        all += row.weight;
    }
    uint32_t ticket = dice.below(all);
    for (const MixRow& row : options.mix) {
        if (ticket < row.weight) {
            return row.act;
        }
        ticket -= row.weight;
    }
    return options.mix.back().act;
}

void put_back(const State& left) {
    if (!left.pm_test_was.empty()) {
        agent::write_existing(kPmTest, left.pm_test_was);
    }
}

std::unique_ptr<Driver> driver_of(const Options& options) {
    switch (options.method) {
        case Method::pm_test:
            return std::make_unique<PmTest>(options);
        case Method::s3:
        case Method::s2idle:
            return std::make_unique<Asleep>(options.method, options.reports_folder);
        case Method::qmp:
            return qmp_driver(options);
        case Method::command:
            return std::make_unique<Commanded>(options);
        case Method::xen:
            break;  // of a program of its own
    }
    return nullptr;
}

}  // namespace resume::stress::real
