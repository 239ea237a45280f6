#include "tests/stress/real/options.h"

#include <algorithm>
#include <cstdio>
#include <regex>
#include <span>
#include <sstream>

namespace resume::stress::real {

namespace {

constexpr Method kMethods[] = {Method::pm_test, Method::s3,  Method::s2idle,
                               Method::qmp,     Method::xen, Method::command};
constexpr Act kActsOfQemu[] = {Act::stop, Act::migrate, Act::move, Act::cancel, Act::snapshot};
constexpr Act kActsOfXen[] = {Act::fast, Act::inplace, Act::restore};

/// "500", "500..3000": milliseconds.
Span span_from(const char* option, const std::string& text, Span otherwise) {
    if (text.empty()) {
        return otherwise;
    }
    Span span;
    int used = 0;
    constexpr uint32_t kHourMs = 3'600'000;
    if (std::sscanf(text.c_str(), "%9u..%9u%n", &span.least, &span.most, &used) != 2) {
        used = 0;
        if (std::sscanf(text.c_str(), "%9u%n", &span.least, &used) == 1) {
            span.most = span.least;
        }
    }
    if (static_cast<size_t>(used) != text.size() || span.least > span.most || span.most > kHourMs) {
        throw CLI::ValidationError{std::string{option} + ": '" + text +
                                   "' is not milliseconds, as 500 or 500..3000, up to an hour"};
    }
    return span;
}

/// "2:out of memory": at most 2 % of the cycles may fail with these words.
Flake flake_from(const std::string& text) {
    Flake flake;
    int used = 0;
    if (std::sscanf(text.c_str(), "%lf:%n", &flake.percent, &used) != 1 || used == 0 ||
        flake.percent < 0 || flake.percent > 100) {
        throw CLI::ValidationError{"--flake: '" + text + "' is not PERCENT:REGEX"};
    }
    flake.pattern = text.substr(static_cast<size_t>(used));
    try {
        const std::regex understood{flake.pattern};
    } catch (const std::regex_error& error) {
        throw CLI::ValidationError{"--flake: '" + flake.pattern + "': " + error.what()};
    }
    return flake;
}

/// "stop:1,migrate:2"; a name alone counts once.
std::vector<MixRow> mix_from(const std::string& text, std::span<const Act> acts) {
    std::vector<MixRow> mix;
    std::istringstream words{text};
    for (std::string word; std::getline(words, word, ',');) {
        MixRow row;
        const std::string name = word.substr(0, word.find(':'));
        int used = 0;
        const bool known = std::any_of(acts.begin(), acts.end(), [&](Act act) {
            row.act = name == name_of(act) ? act : row.act;
            return name == name_of(act);
        });
        const char* const rest = word.c_str() + name.size();
        const bool weighed =
            *rest == '\0' || (std::sscanf(rest, ":%4u%n", &row.weight, &used) == 1 &&
                              rest[used] == '\0' && row.weight != 0);
        if (!known || !weighed) {
            std::string names;
            for (const Act act : acts) {
                names += std::string{names.empty() ? "" : ", "} + name_of(act);
            }
            throw CLI::ValidationError{"--mix: '" + word + "' is not an act and its weight, as " +
                                       name_of(acts[0]) + ":2; acts: " + names};
        }
        mix.push_back(row);
    }
    return mix;
}

void settle_qmp(Options& options, const Words& words) {
    const bool qmp = options.method == Method::qmp;
    if (qmp == options.socket.empty()) {
        throw CLI::ValidationError{"--socket goes with --method qmp, and only with it"};
    }
    if (!qmp && !options.incoming_command.empty()) {
        throw CLI::ValidationError{"--incoming-cmd goes with --method qmp only"};
    }
    if (!qmp) {
        return;
    }
    const char* const all =
        options.incoming_command.empty() ? "stop,cancel" : "stop,migrate,cancel";
    options.mix = mix_from(words.mix.empty() ? all : words.mix, kActsOfQemu);
    const bool moves = std::any_of(options.mix.begin(), options.mix.end(), [](const MixRow& row) {
        return row.act == Act::migrate || row.act == Act::move;
    });
    if (moves && options.incoming_command.empty()) {
        throw CLI::ValidationError{"--mix: a migration needs --incoming-cmd: where should it go?"};
    }
    options.cancel_percent = span_from("--cancel-at", words.cancel_at, options.cancel_percent);
    if (options.cancel_percent.most > 100) {
        throw CLI::ValidationError{"--cancel-at: percent, as 50 or 5..80"};
    }
}

void settle_xen(Options& options, const Words& words) {
    const bool xen = options.method == Method::xen;
    if (xen == options.domain.empty()) {
        throw CLI::ValidationError{"--domain goes with --method xen, and only with it"};
    }
    if (words.may_break != options.domain) {
        throw CLI::ValidationError{
            "--yes-break has to name the domain that --domain names: its guest may be lost, and "
            "what is on its disks"};
    }
    if (xen) {
        options.mix = mix_from(words.mix.empty() ? "fast:3,inplace" : words.mix, kActsOfXen);
    }
}

}  // namespace

const char* name_of(Method method) noexcept {
    switch (method) {
        case Method::pm_test:
            return "pm-test";
        case Method::s3:
            return "s3";
        case Method::s2idle:
            return "s2idle";
        case Method::qmp:
            return "qmp";
        case Method::xen:
            return "xen";
        case Method::command:
            return "cmd";
    }
    return "";
}

const char* name_of(Act act) noexcept {
    switch (act) {
        case Act::stop:
            return "stop";
        case Act::migrate:
            return "migrate";
        case Act::move:
            return "move";
        case Act::cancel:
            return "cancel";
        case Act::snapshot:
            return "snapshot";
        case Act::fast:
            return "fast";
        case Act::inplace:
            return "inplace";
        case Act::restore:
            return "restore";
    }
    return "";
}

bool is_elsewhere(Method method) noexcept {
    return method == Method::qmp || method == Method::xen;
}

void add_options(CLI::App& command, Options& options, Words& words) {
    command
        .add_option("--method", words.method,
                    "pm-test, s3, s2idle (this guest), qmp (a guest of QEMU's), xen (of this "
                    "host's), or cmd")
        ->required();
    command.add_option("--level", options.level, "pm-test: freezer, devices, platform, ...")
        ->capture_default_str();
    command.add_option("--cycles", options.cycles, "how many, after the probe")
        ->capture_default_str();
    command.add_option("--seed", options.seed, "of everything that is drawn")
        ->capture_default_str();
    command.add_option("--asleep-ms", words.asleep, "N or N..M; default 1000..3000");
    command.add_option("--awake-ms", words.awake, "N or N..M; default 0..500");
    command.add_option("--cycle-cmd", options.cycle_command, "cmd: one cycle, as a shell command");
    command.add_option("--socket", options.socket, "qmp: QEMU's control socket");
    command.add_option("--mix", words.mix,
                       "each with a weight, as stop:1,migrate:3; qmp: stop, migrate, move, cancel, "
                       "snapshot; xen: fast, "
                       "inplace, restore; default fast:3,inplace");
    command.add_option("--domain", options.domain, "xen: the guest's name or id");
    command.add_option("--yes-break", words.may_break,
                       "xen: the same again: it may be lost. The guest itself has to have set "
                       "data/resume/stress-ok in its part of xenstore");
    command.add_option("--incoming-cmd", options.incoming_command,
                       "qmp: starts the QEMU that a migration goes to and ends when it has: "
                       "-incoming $RESUME_URI -qmp unix:$RESUME_SOCKET,server,nowait -daemonize");
    command.add_option("--cancel-at", words.cancel_at,
                       "qmp: percent of the memory sent, N or N..M; default 5..80");
    command.add_option("--reset-cmd", options.reset_command,
                       "cmd, qmp, xen: makes the guest stand again after a failure");
    command.add_option("--before", options.before, "shell command before each cycle");
    command.add_option("--after", options.after, "shell command after each cycle");
    command.add_option("--check", options.check, "shell command that says whether all is well");
    command.add_option("--patience-s", words.patience_s, "for each command")
        ->check(CLI::Range(1U, 86'400U))
        ->capture_default_str();
    command.add_option("--flake", words.flakes,
                       "PERCENT:REGEX, a known failure that may be so frequent");
    command.add_option("--memory-mib", options.memory_mib, "memory that must come back as it was")
        ->check(CLI::Range(0U, 4096U))
        ->capture_default_str();
    command.add_option("--reports", options.reports_folder, "of the agent, to compare with")
        ->capture_default_str();
    command
        .add_option("--continue", options.state_file,
                    "the plan on disk: a run that was cut off goes on from there")
        ->capture_default_str();
    command.add_flag("--json", options.json, "a line of JSON a cycle, the summary last");
    command.add_option("--junit", options.junit_file, "write the result there as JUnit XML");
}

void settle(Options& options, const Words& words) {
    bool known = false;
    for (const Method method : kMethods) {
        if (words.method == name_of(method)) {
            options.method = method;
            known = true;
        }
    }
    if (!known) {
        throw CLI::ValidationError{"unknown method '" + words.method +
                                   "'; known: pm-test, s3, s2idle, qmp, xen, cmd"};
    }
    if ((options.method == Method::command) == options.cycle_command.empty()) {
        throw CLI::ValidationError{"--cycle-cmd goes with --method cmd, and only with it"};
    }
    if (!is_elsewhere(options.method) && !words.mix.empty()) {
        throw CLI::ValidationError{"--mix goes with --method qmp or xen only"};
    }
    settle_qmp(options, words);
    settle_xen(options, words);
    if (is_elsewhere(options.method)) {
        options.memory_mib = 0;  // the guest is not where this program runs
    }
    const bool outside = options.method == Method::command || is_elsewhere(options.method);
    if (!outside && !options.reset_command.empty()) {
        throw CLI::ValidationError{
            "--reset-cmd goes with --method cmd, qmp or xen: nothing in a guest that "
            "died can start it again"};
    }
    options.asleep_ms = span_from("--asleep-ms", words.asleep, options.asleep_ms);
    options.awake_ms = span_from("--awake-ms", words.awake, options.awake_ms);
    options.patience = std::chrono::seconds{words.patience_s};
    for (const std::string& text : words.flakes) {
        options.flakes.push_back(flake_from(text));
    }
}

}  // namespace resume::stress::real
