#include "tests/stress/program/stress_options.h"

#include <unistd.h>

#include <CLI/CLI.hpp>
#include <thread>

#include "tests/stress/program/tree_file.h"
#include "tests/stress/program/words.h"

namespace resume::stress {

namespace {

/// "90s", "10m", "2h".
std::chrono::milliseconds time_from(const std::string& text) {
    size_t used = 0;
    double number = 0;
    try {
        number = std::stod(text, &used);
    } catch (const std::exception&) {
        used = 0;
    }
    const std::string unit = text.substr(used);
    const double seconds = unit == "h"                   ? 3600
                           : unit == "m"                 ? 60
                           : unit == "s" || unit.empty() ? 1
                                                         : 0;
    if (used == 0 || seconds == 0 || number <= 0) {
        throw CLI::ValidationError{"not a time: '" + text + "'; e.g. 90s, 10m, 2h"};
    }
    return std::chrono::milliseconds{static_cast<int64_t>(number * seconds * 1000)};
}

void settle_exploration(StressOptions& options) {
    LifePlan& tree = options.explore.tree;
    tree.guest = options.campaign.id.draw.guest;
    tree.devices = standard_devices(tree.guest);
    tree.bugs = options.campaign.id.draw.bugs;
    tree.vcpus = 2;
    tree.hosts = 2;
    tree.network = true;
    if (options.campaign.id.draw.tree) {
        apply(*options.campaign.id.draw.tree, tree);
    }
    options.explore.keep_going = options.campaign.keep_going;
    options.explore.time = options.campaign.time;
    options.explore.progress = options.campaign.progress;
}

struct Words {
    std::string guest = "xen-hvm", faults = "all", time, shard = "1/1", tree;
    std::vector<std::string> bugs;
};

void add_tree(CLI::App& command, Words& words) {
    command.add_option("--device-tree", words.tree,
                       "a TOML file: the guest's own devices, and what is not to be drawn");
}

void add_draw(CLI::App& command, StressOptions& options, Words& words) {
    command.add_option("--guest", words.guest, "xen-hvm, xen-pvh or kvm")->capture_default_str();
    command.add_option("--seed", options.campaign.id.draw.seed, "of everything that is drawn")
        ->capture_default_str();
    command.add_option("--cycles", options.campaign.id.cycles, "how many the host asks for");
    command.add_option("--faults", words.faults, "names, separated by commas; all; none")
        ->capture_default_str();
    command.add_flag("--swarm", options.campaign.id.draw.swarm,
                     "each life has its own subset of the faults");
    command.add_option("--bug", words.bugs, "bring back a bug that other guests shipped")
        ->delimiter(',');
    add_tree(command, words);
}

void add_life(CLI::App& command, StressOptions& options, Words& words) {
    add_draw(command, options, words);
    command.add_option("--life", options.life, "of the campaign, as the failure's line says");
    command.add_option("plan", options.files, "a stored plan instead");
    command.add_option("--trace", options.trace_file, "write its trace there");
}

void add_run(CLI::App& command, StressOptions& options, Words& words) {
    add_draw(command, options, words);
    command.add_option("--for", words.time, "a time instead of cycles: 90s, 10m, 2h");
    command.add_option("--jobs", options.campaign.jobs, "processes; default: one a CPU")
        ->check(CLI::Range(1U, 1024U));
    command.add_flag("--keep-going", options.campaign.keep_going,
                     "go on after the first failing life");
    command.add_option("--shard", words.shard, "I/N: the I-th of N parts of the campaign");
    command.add_option("--continue", options.campaign.state_file,
                       "a file that says how far it came: go on from there");
    command.add_flag("--json", options.json, "the summary as one line of JSON, the last");
    command.add_option("--junit", options.junit_file, "write the result there as JUnit XML");
}

void add_explore(CLI::App& command, StressOptions& options, Words& words) {
    command.add_option("--guest", words.guest, "xen-hvm, xen-pvh or kvm")->capture_default_str();
    command
        .add_option("--preemptions", options.explore.preemptions,
                    "times that another than the first of the ready hooks goes next")
        ->capture_default_str();
    command.add_flag("--pairs", options.explore.pairs, "two faults at a time");
    command.add_flag("!--no-reduction", options.explore.reduce,
                     "run the orders too that are equal to others");
    command.add_option("--bug", words.bugs, "bring back a bug that other guests shipped")
        ->delimiter(',');
    add_tree(command, words);
    command.add_option("--for", words.time, "end it after so long, not complete: 90s, 10m, 2h");
    command.add_flag("--keep-going", options.campaign.keep_going, "go on after the first failure");
    command.add_option("-o,--out", options.out_file, "write the first failing plan there");
    command.add_flag("--json", options.json, "the summary as one line of JSON, the last");
}

DeviceTree tree_of(const Words& words, model::GuestKind guest) {
    try {
        return read_tree(words.tree, guest);
    } catch (const std::runtime_error& error) {
        throw CLI::ValidationError{error.what()};
    }
}

void settle(StressOptions& options, const Words& words) {
    CampaignId& id = options.campaign.id;
    const auto guest = guest_named(words.guest);
    if (!guest) {
        throw CLI::ValidationError{"unknown guest '" + words.guest +
                                   "'; known: xen-hvm, xen-pvh, kvm"};
    }
    if (guest == model::GuestKind::kvm && id.draw.part != nullptr) {
        throw CLI::ValidationError{std::string{id.draw.program} +
                                   "'s driver is one of a guest on Xen; known: xen-hvm, xen-pvh"};
    }
    id.draw.guest = *guest;
    id.draw.bugs = bugs_named(words.bugs);
    if (!words.tree.empty()) {
        id.draw.tree = tree_of(words, id.draw.guest);
    }
    try {
        id.draw.faults = faults_from(words.faults);
    } catch (const std::invalid_argument& error) {
        throw CLI::ValidationError{error.what()};
    }
    if (!words.time.empty()) {
        options.campaign.time = time_from(words.time);
    } else if (id.cycles == 0 && options.command == StressOptions::Command::run) {
        constexpr uint64_t kDefault = 100'000;
        id.cycles = kDefault;
    }
    int used = 0;
    if (std::sscanf(words.shard.c_str(), "%u/%u%n", &id.shard, &id.shards, &used) != 2 ||
        static_cast<size_t>(used) != words.shard.size() || id.shard == 0 || id.shard > id.shards) {
        throw CLI::ValidationError{"--shard I/N with 1 <= I <= N, not '" + words.shard + "'"};
    }
    const bool one = options.command == StressOptions::Command::replay ||
                     options.command == StressOptions::Command::shrink;
    if (one && options.life.has_value() == !options.files.empty()) {
        throw CLI::ValidationError{"either --life N or one stored plan"};
    }
}

}  // namespace

ParsedStressOptions parse_stress_options(int argc, char** argv, const Program& program) {
    CLI::App app{
        "Takes modelled guests through every kind of suspend with everything going wrong "
        "that can, and has the oracle judge each of them.",
        program.name};
    app.require_subcommand(1);
    app.footer(program.more);
    StressOptions options;
    options.campaign.id.draw.part = options.explore.tree.part = program.part;
    options.campaign.id.draw.program = program.name;
    options.campaign.id.draw.table = options.explore.tree.table = program.table;
    options.campaign.id.draw.spoil = options.explore.tree.spoil = program.spoil;
    Words words;
    const unsigned cpus = std::thread::hardware_concurrency();
    options.campaign.jobs = cpus == 0 ? 1 : cpus;
    options.campaign.progress = ::isatty(STDERR_FILENO) != 0;
    auto& run = *app.add_subcommand("run", "a campaign: many lives of a guest");
    add_run(run, options, words);
    auto& explore = *app.add_subcommand("explore", "every order of one cycle, with every fault");
    add_explore(explore, options, words);
    auto& replay = *app.add_subcommand("replay", "one life again, to the bit");
    add_life(replay, options, words);
    auto& shrink = *app.add_subcommand("shrink", "the least that still fails, as a story");
    add_life(shrink, options, words);
    shrink.add_option("-o,--out", options.out_file, "write the smaller plan there");
    auto& merge = *app.add_subcommand("merge", "the summaries of all shards to one");
    merge.add_option("summaries", options.files, "files whose last line is a shard's summary")
        ->required();
    merge.add_flag("--json", options.json, "the summary as one line of JSON");
    try {
        app.parse(argc, argv);
        using Command = StressOptions::Command;
        options.command = run       ? Command::run
                          : explore ? Command::explore
                          : replay  ? Command::replay
                          : shrink  ? Command::shrink
                                    : Command::merge;
        settle(options, words);
        settle_exploration(options);
    } catch (const CLI::ParseError& error) {
        const bool help = app.exit(error) == 0;
        return {.options = std::nullopt, .exit_code = help ? 0 : static_cast<int>(ExitCode::usage)};
    }
    return {.options = std::move(options)};
}

}  // namespace resume::stress
