#include "agent/act/reseed.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/random.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#include <array>
#include <cstring>

#include "agent/base/unique_fd.h"

namespace resume::agent {

bool may_be_a_copy(const oracle::CycleReport& report) {
    return report.outcome == "resumed" &&
           (report.kind == "xen-suspend" || report.kind == "restore" ||
            report.kind == "hibernate" || report.kind == "snapshot");
}

ReseedParticipant::ReseedParticipant(Cycle& cycle, const Config& config, const Root& root)
    : Participant{cycle, "reseed", Pace::quick}, config_{config}, root_{root} {}

void ReseedParticipant::after(Outcome, Done done) {
    if (!config_.reseed || !may_be_a_copy(cycle().report)) {
        done(Errc::none);
        return;
    }
    const UniqueFd fd{::open(root_("/dev/urandom").c_str(), O_RDWR | O_CLOEXEC | O_NOCTTY)};
    // What tells the copies apart, as far as we know it: the time and what the cycle changed. It
    // is mixed in, never credited as entropy.
    std::array<timespec, 2> times{};
    ::clock_gettime(CLOCK_REALTIME, &times[0]);
    ::clock_gettime(CLOCK_MONOTONIC_RAW, &times[1]);
    std::string mix(reinterpret_cast<const char*>(times.data()), sizeof times);
    for (const auto& change : cycle().report.changed) {
        mix += change.what + change.to;
    }
    if (!fd.valid() || ::write(fd.get(), mix.data(), mix.size()) < 0) {
        add_check("reseed", "warning", explain("cannot write /dev/urandom", errno));
    } else if (::ioctl(fd.get(), RNDRESEEDCRNG) != 0) {
        add_check("reseed", "ok", explain("mixed in; an immediate reseed was not allowed", errno));
    } else {
        add_check("reseed", "ok", "requested");
    }
    done(Errc::none);
}

}  // namespace resume::agent
