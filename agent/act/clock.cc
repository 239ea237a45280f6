#include "agent/act/clock.h"

#include <errno.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <filesystem>
#include <vector>

#include "agent/base/log.h"

namespace resume::agent {

namespace {

constexpr int64_t kSecond = 1'000'000'000;

std::string seconds(int64_t ns) {
    char text[40];
    snprintf(text, sizeof text, "%+.1f s", static_cast<double>(ns) / 1e9);
    return text;
}

bool runs(const Root& root, const std::string& program) {
    std::error_code error;
    std::filesystem::directory_iterator entry{root("/proc"), error};
    for (; !error && entry != std::filesystem::directory_iterator{}; entry.increment(error)) {
        if (parse_number(entry->path().filename().native()) &&
            read_line(entry->path().native() + "/comm", 64) == program) {
            return true;
        }
    }
    return false;
}

void warn(const std::string& why) {
    log(LogLevel::warning,
        "chronyc makestep: %s; run it by hand, or have chronyd step by itself (makestep in "
        "chrony.conf)",
        why.c_str());
}

}  // namespace

ClockDecision decide_clock(const Config& config, std::optional<int64_t> lost_ns,
                           const std::string& daemon) {
    using Act = ClockDecision::Act;
    if (config.clock_mode == "off" || !lost_ns || std::llabs(*lost_ns) < 2 * kSecond) {
        return {};
    }
    ClockDecision decision{.by_ns = *lost_ns};
    if (config.clock_mode == "report") {
        decision.act = Act::report;
        decision.why = "the configuration says report only";
    } else if (*lost_ns < 0 && !config.clock_backward) {
        decision.act = Act::report;
        decision.why = "it would go backward";
    } else if (std::llabs(*lost_ns) > config.clock_most_s * kSecond) {
        decision.act = Act::report;
        decision.why = "more than act.clock.most_s";
    } else if (!daemon.empty()) {
        decision.act = Act::leave_to_daemon;
        decision.why = "left to " + daemon;
    } else {
        decision.act = Act::step;
    }
    return decision;
}

std::string running_time_daemon(const Root& root) {
    // By its name: its folder in /run is its user's own, and closed to root without capabilities.
    if (runs(root, "chronyd")) {
        return "chronyd";
    }
    constexpr std::pair<const char*, const char*> kMarks[] = {
        {"/run/systemd/timesync/synchronized", "systemd-timesyncd"},
        {"/run/ntpd.pid", "ntpd"},
    };
    for (const auto& [mark, daemon] : kMarks) {
        if (::access(root(mark).c_str(), F_OK) == 0) {
            return daemon;
        }
    }
    return {};
}

ClockParticipant::ClockParticipant(Cycle& cycle, const Config& config, const Root& root,
                                   Means means)
    : Participant{cycle, "clock", Pace::quick},
      config_{config},
      root_{root},
      means_{std::move(means)} {}

void ClockParticipant::after(Outcome, Done done) {
    using Act = ClockDecision::Act;
    // A step of somebody's own is no evidence of a suspend.
    const bool evidence = cycle().report.kind != "clock-step";
    const auto decision = decide_clock(config_, evidence ? means_.lost_ns() : std::nullopt,
                                       running_time_daemon(root_));
    const std::string by = seconds(decision.by_ns);
    switch (decision.act) {
        case Act::nothing:
            break;
        case Act::report:
            add_check("clock", "warning", "behind by " + by + ", not stepped: " + decision.why);
            break;
        case Act::leave_to_daemon:
            means_.tell(running_time_daemon(root_));
            add_check("clock", "warning", "behind by " + by + ", " + decision.why);
            break;
        case Act::step:
            if (const int error = means_.step(decision.by_ns); error != 0) {
                // The unit keeps the agent from it unless it is told otherwise: agent.toml(5).
                add_check("clock", "failed",
                          explain("cannot step by " + by, error) +
                              (error == EPERM ? " (drop-in step-clock.conf allows it)" : ""));
            } else {
                means_.moved(decision.by_ns);
                add_check("clock", "ok", "stepped by " + by);
            }
            break;
    }
    done(Errc::none);
}

int step_wall_clock(int64_t by_ns) {
    timespec now{};
    ::clock_gettime(CLOCK_REALTIME, &now);
    const int64_t then = int64_t{now.tv_sec} * kSecond + now.tv_nsec + by_ns;
    const timespec wanted{.tv_sec = then / kSecond, .tv_nsec = then % kSecond};
    return ::clock_settime(CLOCK_REALTIME, &wanted) == 0 ? 0 : errno;
}

void TimeDaemonTeller::tell(const std::string& daemon) {
    if (daemon != "chronyd" || busy()) {  // a step that is under way is one for this as well
        return;
    }
    // In a unit of its own it is out of our sandbox, in which the daemon's socket is out of reach;
    // what it says is in the journal.
    std::vector<std::string> words;
    if (manager_) {
        words = {"/usr/bin/systemd-run", "--quiet", "--collect",
                 "--unit=libresume-makestep-" + std::to_string(::getpid()) + ".service"};
    }
    words.insert(words.end(), {root_("/usr/bin/chronyc"), "makestep"});
    std::vector<char*> arguments;
    arguments.reserve(words.size() + 1);
    for (auto& word : words) {
        arguments.push_back(word.data());
    }
    arguments.push_back(nullptr);
    const auto ended = [](int status) {
        if (status != 0) {
            warn("it failed");
        }
    };
    pid_t pid = 0;
    int error = ::posix_spawn(&pid, arguments[0], nullptr, nullptr, arguments.data(), environ);
    if (error == 0) {
        error = child_.watch(pid, ended);
        if (error != 0) {
            ::kill(pid, SIGKILL);
            ::waitpid(pid, nullptr, 0);
        }
    }
    if (error != 0) {
        warn(explain("it could not be started and watched", error));
    }
}

}  // namespace resume::agent
