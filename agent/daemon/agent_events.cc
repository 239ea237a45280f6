// What comes to the agent beside its cycles: a sleep that logind announces, devices that come and
// go, pages that the kernel loses.
#include "agent/base/log.h"
#include "agent/daemon/agent.h"

namespace resume::agent {

void Agent::on_lost_page(const MemoryFailure& failure) {
    log(LogLevel::warning,
        "the kernel lost the page at 0x%llx (%s: %s); a host that reads it while it saves this "
        "guest dies of it: see `resumectl doctor`",
        static_cast<unsigned long long>(failure.address), failure.page.c_str(),
        failure.result.c_str());
    record_.page_lost(failure.address);
    // The kernel counts the page after it said so, and pages of one module are lost together.
    constexpr std::chrono::milliseconds kCounted{100};
    loop_.cancel(lost_page_timer_);
    lost_page_timer_ = loop_.after(kCounted, [this] { doctor_.refresh(); });
}

void Agent::on_logind() {
    while (const auto before = sources_.logind.next()) {
        if (!*before) {
            if (!logind_id_.empty()) {
                release_when_quiet(logind_id_);
            }
            sources_.logind.hold();
            continue;
        }
        // s3 or s2idle; that it is a hibernation, logind says only after it.
        const auto states = read_line(root_("/sys/power/mem_sleep"), 64);
        const bool idle = states && states->find("[s2idle]") != std::string::npos;
        logind_id_ =
            want(idle ? "s2idle" : "s3", false, 3600, Logind::kDelayMs,
                 [this](bool, const std::string&, const std::string& reason) {
                     if (!reason.empty()) {
                         log(LogLevel::notice, "logind goes on all the same: %s", reason.c_str());
                     }
                     sources_.logind.let_go();
                 });
    }
    if (sources_.logind.fd() < 0) {
        log(LogLevel::warning, "logind: %s", sources_.logind.state().detail.c_str());
    }
}

void Agent::on_device() {
    // After a suspend the trace comes within this time, and its cycle looks at the devices itself.
    constexpr std::chrono::milliseconds kQuiet{1000};
    loop_.cancel(device_timer_);
    device_timer_ = loop_.after(kQuiet, [this] {
        if (!observer_.busy() && !coordinator_.running()) {
            disks_.remember();
        }
    });
}

}  // namespace resume::agent
