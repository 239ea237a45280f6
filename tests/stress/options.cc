#include "tests/stress/options.h"

#include <CLI/CLI.hpp>
#include <array>
#include <utility>

#include "drivers/support/limits.h"

namespace resume::stress {

namespace {

constexpr uint32_t kMostVcpus = kMaxVcpus;

const std::array kGuests{model::GuestKind::xen_hvm, model::GuestKind::xen_pvh,
                         model::GuestKind::kvm};
const std::array kXenKinds{Kind::xen_suspend};
const std::array kKvmKinds{Kind::s3, Kind::s2idle, Kind::hibernate, Kind::restore};
const std::array kOutcomes{Outcome::resumed, Outcome::cancelled, Outcome::aborted};

/// The value with that name, or an error that lists the known ones.
template <class Values>
auto named(const Values& values, const char* what, const std::string& word) {
    std::string known;
    for (const auto value : values) {
        if (word == name_of(value)) {
            return value;
        }
        known += known.empty() ? "" : ", ";
        known += name_of(value);
    }
    throw CLI::ValidationError{std::string{"unknown "} + what + " '" + word + "'; known: " + known};
}

/// Without a word: the guest's own first.
void set_kind(GuestOptions& options, const std::string& kind) {
    const bool kvm = options.guest == model::GuestKind::kvm;
    if (kind.empty()) {
        options.kind = kvm ? kKvmKinds.front() : kXenKinds.front();
    } else {
        options.kind = kvm ? named(kKvmKinds, "kind", kind) : named(kXenKinds, "kind", kind);
    }
    if (kvm && !options.socket.empty()) {
        throw CLI::ValidationError{"a guest of KVM's has no xenstore: leave --store out"};
    }
}

void set_store(GuestOptions& options, const std::string& store) {
    const std::string prefix = "unix:";
    if (store.rfind(prefix, 0) == 0 && store.size() > prefix.size()) {
        options.socket = store.substr(prefix.size());
        if (options.base_path.empty()) {
            throw CLI::ValidationError{"--store unix:PATH needs --base-path"};
        }
    } else if (store != "embedded") {
        throw CLI::ValidationError{"unknown store '" + store + "'; known: embedded, unix:PATH"};
    }
}

}  // namespace

ParsedOptions parse_guest_options(int argc, char** argv) {
    CLI::App app{
        "A guest of Xen's or KVM's in user space: model machine, drivers, engine. It is asked "
        "for a suspend, goes down, meets the outcome, comes up, and reports."};
    GuestOptions options;
    std::string guest = name_of(options.guest);
    std::string kind;
    std::string store = "embedded";
    std::vector<std::string> cycles;
    std::vector<std::string> bugs;
    app.add_option("--guest", guest, "xen-hvm, xen-pvh or kvm")->capture_default_str();
    app.add_option("--kind", kind, "of kvm: s3, s2idle, hibernate or restore");
    app.add_option("--vcpus", options.vcpus, "1 .. 128")->check(CLI::Range(1U, kMostVcpus));
    app.add_option("--store", store, "embedded, or unix:PATH of a real xenstored's socket");
    app.add_option("--base-path", options.base_path, "with unix: nothing outside of it is touched");
    app.add_option("--cycles", cycles, "outcomes, e.g. resumed,cancelled,aborted")->delimiter(',');
    app.add_flag("--json", options.json, "one report a line instead of tables");
    app.add_option("--seed", options.seed, "of latencies and of the order of devices");
    app.add_option("--away-ms", options.away_ms, "with unix: for how long the host keeps it down")
        ->check(CLI::Range(0U, 60'000U))
        ->capture_default_str();
    app.add_option("--trace", options.trace_file, "write the trace there, for resumectl verify");
    app.add_option("--bug", bugs, "bring back bugs that other guests shipped")->delimiter(',');
    try {
        app.parse(argc, argv);
        options.guest = named(kGuests, "guest", guest);
        options.bugs = bugs_named(bugs);
        set_store(options, store);
        set_kind(options, kind);
        if (!cycles.empty()) {
            options.cycles.clear();
            for (const std::string& word : cycles) {
                options.cycles.push_back(named(kOutcomes, "outcome", word));
            }
        }
    } catch (const CLI::ParseError& error) {
        const bool help = app.exit(error) == 0;
        return {.options = std::nullopt, .exit_code = help ? 0 : static_cast<int>(ExitCode::usage)};
    }
    return {.options = std::move(options)};
}

}  // namespace resume::stress
