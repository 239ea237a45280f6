// resume-lab-cycle MODE DOMID COUNT [options]: asks a domain to suspend and lets it go on, COUNT
// times, in the order of libxl: write control/shutdown, wait for the ack, wait for the domain to be
// down, let it go on. One line a cycle; stops at the first that goes wrong.
//
//   MODE  fast     xc_domain_resume(fast=1): the guest's hypercall returns 1
//         slow     xc_domain_resume(fast=0): returns 0, in the same domain, nothing lost
//         inplace  soft reset: returns 0, every registration lost, as after a restore
//         ask      only asks and waits: for a guest that is expected to refuse
//
// --observe-ms N: after an inplace cycle it looks for so long when the guest's devices are
// connected and when the first request reaches a disk, from when the guest was let go.
//
// Exit codes: 0 all as asked, 1 a cycle went wrong, 64 usage, 70 own fault.
#include <algorithm>
#include <charconv>
#include <cstdio>
#include <cstring>
#include <random>
#include <string>
#include <string_view>
#include <thread>

#include "observe.h"

namespace lab {
namespace {

using State = resume::stress::real::DomainState;

constexpr int kExitFinding = 1;
constexpr int kExitUsage = 64;
constexpr int kExitOwnFault = 70;
constexpr const char* kShutdownNode = "control/shutdown";

struct Options {
    std::string mode;
    uint32_t domid = 0;
    uint32_t count = 1;
    uint32_t seed = 1;
    uint32_t max_pause_ms = 100;
    uint32_t timeout_ms = 20'000;
    uint32_t observe_ms = 0;
};

/// Times since the request, in milliseconds; -1 = did not happen.
struct Times {
    double ack = -1;
    double down = -1;
    double resumed = -1;
    Return back{};  ///< since it was resumed
};

double since(Clock::time_point start) {
    return std::chrono::duration<double, std::milli>(Clock::now() - start).count();
}

/// Waits until the domain has acked and is down, has ended otherwise, or the time is over.
/// Returns "down" or the reason why it is not.
std::string wait_until_down(const Domain& domain, const Options& options, Clock::time_point start,
                            Times& times) {
    const auto deadline = start + Milliseconds(options.timeout_ms);
    while (true) {
        if (times.ack < 0 && domain.read(kShutdownNode).value_or("suspend") != "suspend") {
            times.ack = since(start);
        }
        const State state = domain.state();
        if (state == State::suspended) {
            times.down = since(start);
            return "down";
        }
        if (state != State::running) {
            return name_of(state);
        }
        if (Clock::now() >= deadline) {
            return times.ack < 0 ? "no-ack" : "not-down";
        }
        domain.wait_for_event(deadline);
    }
}

void let_go(const Domain& domain, const std::string& mode) {
    if (mode == "inplace") {
        domain.restore_in_place();
    } else {
        domain.resume(mode != "slow");
    }
}

/// One cycle; returns "ok" or what went wrong.
std::string run_cycle(const Domain& domain, const Options& options, Times& times) {
    const auto start = Clock::now();
    domain.write(kShutdownNode, "suspend");
    const std::string reached = wait_until_down(domain, options, start, times);
    if (reached == "no-ack") {
        domain.write(kShutdownNode, "");  // taken back, as a toolstack does
    }
    if (reached != "down") {
        return reached;
    }
    let_go(domain, options.mode);
    times.resumed = since(start);
    if (options.observe_ms > 0) {
        const auto now = Clock::now();
        times.back = watch_return(domain, now, now + Milliseconds(options.observe_ms));
    }
    return "ok";
}

int run(const Options& options) {
    const auto xen = resume::stress::real::xen_hypercalls();
    const Domain domain(options.domid, *xen);
    if (domain.state() != State::running) {
        fprintf(stderr, "domain %u is %s, not running\n", options.domid, name_of(domain.state()));
        return kExitFinding;
    }
    std::mt19937 random(options.seed);
    for (uint32_t number = 1; number <= options.count; ++number) {
        Times times;
        const std::string result = run_cycle(domain, options, times);
        printf(
            "cycle %u mode=%s ack_ms=%.1f down_ms=%.1f resumed_ms=%.1f "
            "connected_ms=%.1f request_ms=%.1f result=%s\n",
            number, options.mode.c_str(), times.ack, times.down, times.resumed,
            times.back.connected_ms, times.back.request_ms, result.c_str());
        fflush(stdout);
        const bool refused = options.mode == "ask" && result == "not-down";
        if (result != "ok" && !refused) {
            return kExitFinding;
        }
        if (number < options.count) {
            std::this_thread::sleep_for(Milliseconds(random() % (options.max_pause_ms + 1)));
        }
    }
    return 0;
}

bool parse_number(std::string_view text, uint32_t& number) {
    const auto result = std::from_chars(text.data(), text.data() + text.size(), number);
    return result.ec == std::errc{} && result.ptr == text.data() + text.size();
}

uint32_t* option_target(std::string_view name, Options& options) {
    if (name == "--seed") {
        return &options.seed;
    }
    if (name == "--max-pause-ms") {
        return &options.max_pause_ms;
    }
    if (name == "--observe-ms") {
        return &options.observe_ms;
    }
    return name == "--timeout-ms" ? &options.timeout_ms : nullptr;
}

bool parse(int count, char** words, Options& options) {
    if (count < 4 || count % 2 != 0) {
        return false;
    }
    options.mode = words[1];
    const std::string_view modes[] = {"fast", "slow", "inplace", "ask"};
    if (std::find(std::begin(modes), std::end(modes), options.mode) == std::end(modes) ||
        !parse_number(words[2], options.domid) || !parse_number(words[3], options.count)) {
        return false;
    }
    for (int index = 4; index < count; index += 2) {
        uint32_t* target = option_target(words[index], options);
        if (target == nullptr || !parse_number(words[index + 1], *target)) {
            return false;
        }
    }
    return options.domid > 0;
}

}  // namespace
}  // namespace lab

int main(int argc, char** argv) {
    lab::Options options;
    if (!lab::parse(argc, argv, options)) {
        fprintf(stderr,
                "usage: %s fast|slow|inplace|ask DOMID COUNT [--seed N] [--max-pause-ms N] "
                "[--timeout-ms N] [--observe-ms N]\n",
                argv[0]);
        return lab::kExitUsage;
    }
    try {
        return lab::run(options);
    } catch (const std::exception& error) {
        fprintf(stderr, "domain %u: %s\n", options.domid, error.what());
        return lab::kExitOwnFault;
    }
}
