#include "agent/observe/observer.h"

#include <stdlib.h>
#include <sys/epoll.h>

#include "agent/observe/trace_merge.h"
#include "agent/observe/unannounced.h"

namespace resume::agent {

namespace {

using std::chrono::milliseconds;

constexpr size_t kMostTrace = 8U << 20;
constexpr size_t kMostSuspends = 256;
/// After the end was seen: what comes right behind it (a log line, the clock's timer).
constexpr milliseconds kSettle{20};
/// No end yet: the kernel is on its way, or the end has no sign that we can see.
constexpr milliseconds kWait{500};
constexpr int kMostWaits = 180;
/// A set clock or a notifying link alone: the suspend that caused it may still be on its way.
constexpr milliseconds kAlone{400};
constexpr int64_t kAbsorbLinksNs = 3'000'000'000;

constexpr std::string_view kThawed = "suspend_resume: thaw_processes[0] end\n";

bool ends_thawed(std::string_view trace) {
    const size_t thawed = trace.rfind("suspend_resume: thaw_processes[");
    if (thawed == std::string_view::npos) {
        return false;
    }
    const std::string_view line = trace.substr(thawed, trace.find('\n', thawed) - thawed);
    const size_t next = trace.find("suspend_resume: ", thawed + 1);
    if (next == std::string_view::npos) {
        return line.ends_with("end");
    }
    // A refused freeze nests: thaw_processes end, freeze_processes end.
    return line.ends_with("end") && trace.find(" begin", next) == std::string_view::npos;
}

bool starts_suspend(const KmsgRecord& record, const std::vector<KmsgFacts>& log) {
    if (record.text.starts_with("PM: suspend entry") ||
        record.text.starts_with("PM: hibernation: hibernation entry")) {
        return true;
    }
    // The Xen path has no entry line.
    const bool freezes = record.text.starts_with("Freezing user space processes") &&
                         record.text.find("completed") == std::string::npos &&
                         record.text.find("failed") == std::string::npos &&
                         record.text.find("aborted") == std::string::npos;
    return freezes && (log.empty() || log.back().left || !log.back().entered);
}

size_t count_thaws(std::string_view trace) {
    size_t count = 0;
    for (size_t at = trace.find(kThawed); at != std::string_view::npos;
         at = trace.find(kThawed, at + 1)) {
        ++count;
    }
    return count;
}

}  // namespace

size_t end_of_last_thaw(std::string_view trace) {
    if (trace.find("suspend_resume: freeze_processes[") != std::string_view::npos) {
        return 0;
    }
    const size_t thawed = trace.rfind(kThawed);
    if (thawed == std::string_view::npos) {
        return 0;
    }
    // Nothing behind it: what is missing is a word in the log, as of a hibernation that has thawed
    // its tasks and is about to say that it is over.
    const size_t end = thawed + kThawed.size();
    return trace.find(" begin\n", end) == std::string_view::npos ? 0 : end;
}

Observer::Observer(EventLoop& loop, Sources& sources, Classifier classify, Deliver deliver)
    : loop_{loop}, sources_{sources}, classify_{std::move(classify)}, deliver_{std::move(deliver)} {
    evidence_.before = sources_.snapshot();
    evidence_.since_boot_ns = evidence_.before.clocks.boot_ns;
    const auto watch = [this](int fd, void (Observer::*handler)()) {
        if (fd >= 0) {
            loop_.watch(fd, EPOLLIN, [this, handler](uint32_t) { (this->*handler)(); });
        }
    };
    watch(sources_.trace.fd(), &Observer::on_trace);
    watch(sources_.kmsg.fd(), &Observer::on_kmsg);
    watch(sources_.links.fd(), &Observer::on_links);
    watch(sources_.uevents.fd(), &Observer::on_uevent);
    watch(sources_.clock_set.fd(), &Observer::on_clock);
}

Observer::~Observer() {
    loop_.cancel(timer_);
    for (const int fd : {sources_.trace.fd(), sources_.kmsg.fd(), sources_.links.fd(),
                         sources_.uevents.fd(), sources_.clock_set.fd()}) {
        loop_.unwatch(fd);
    }
}

void Observer::begin() {
    if (!gathering_) {
        gathering_ = true;
        waited_ = 0;
        settle_in(kAlone);
    }
}

void Observer::settle_in(milliseconds delay) {
    loop_.cancel(timer_);
    timer_ = loop_.after(delay, [this] { settle(); });
}

void Observer::on_trace() {
    std::string fresh;
    sources_.trace.read(fresh);
    for (const auto& failure : take_memory_failures(fresh)) {
        if (lost_page_) {
            lost_page_(failure);
        }
    }
    if (fresh.empty()) {
        return;  // nothing of a suspend
    }
    if (evidence_.trace.size() >= kMostTrace) {
        evidence_.trace_cut = true;
    } else {
        evidence_.trace += fresh;
    }
    begin();
    if (complete()) {
        settle_in(kSettle);
    }
}

void Observer::on_kmsg() {
    bool lost = false;
    while (const auto record = sources_.kmsg.next(lost)) {
        auto& log = evidence_.kmsg;
        if (starts_suspend(*record, log) && log.size() < kMostSuspends) {
            log.emplace_back();
        }
        KmsgFacts facts;
        facts.add(record->text);
        if (facts.forked) {
            evidence_.forked = true;
            begin();
        }
        if (log.empty() && facts.any()) {
            log.emplace_back();
        }
        if (!log.empty()) {
            log.back().add(record->text);
            begin();
        }
    }
    if (lost && !evidence_.kmsg.empty()) {
        evidence_.kmsg.back().lost = true;
    }
    if (gathering_ && complete()) {
        settle_in(kSettle);
    }
}

void Observer::on_links() {
    bool lost = false;
    for (auto datagram = sources_.links.next(lost); !datagram.empty();
         datagram = sources_.links.next(lost)) {
        for (auto& name : links_notifying_peers(datagram)) {
            if (evidence_.notifying_links.size() < 64) {
                evidence_.notifying_links.push_back(std::move(name));
            }
        }
    }
    if (evidence_.notifying_links.empty()) {
        return;
    }
    if (sources_.clocks().boot_ns < absorb_links_until_ns_) {
        if (!gathering_) {
            evidence_.notifying_links.clear();
            return;
        }
        evidence_.links_of_before = true;
    }
    begin();
}

void Observer::on_uevent() {
    bool lost = false;
    for (auto datagram = sources_.uevents.next(lost); !datagram.empty();
         datagram = sources_.uevents.next(lost)) {
        if (is_new_generation(datagram)) {
            evidence_.forked = true;
            begin();
        }
    }
}

void Observer::on_clock() {
    if (sources_.clock_set.take()) {
        evidence_.clock_set = true;
        begin();
    }
}

void Observer::clock_moved_by_us(int64_t by_ns) {
    sources_.clock_set.take();
    Snapshot& before = evidence_.before;
    before.clocks.realtime_ns += by_ns;
    if (before.reference) {
        before.reference->lead_ns -= by_ns;
    }
}

void Observer::look_for_pause() {
    if (gathering_) {
        return;
    }
    Snapshot now = sources_.snapshot();
    if (lost_time_ns(evidence_.before, now)) {
        begin();
        return;
    }
    // Keep the reference's oldest reading only as long as drift cannot hide a pause in it.
    constexpr int64_t kHour = 3'600'000'000'000;
    if (now.clocks.boot_ns - evidence_.before.clocks.boot_ns > kHour) {
        evidence_.before = std::move(now);
    }
}

bool Observer::open_in_log() const {
    return !evidence_.kmsg.empty() && evidence_.kmsg.back().entered && !evidence_.kmsg.back().left;
}

bool Observer::complete() const {
    if (open_in_log()) {
        return false;
    }
    if (!evidence_.kmsg.empty() && evidence_.kmsg.back().left) {
        return true;
    }
    return ends_thawed(evidence_.trace);
}

void Observer::drain() {
    on_kmsg();
    if (sources_.trace.fd() >= 0) {
        on_trace();
    }
    on_clock();
    on_links();
}

// Nobody is woken up by them: their buffer keeps them until the steps say that a suspend is over.
void Observer::add_devices() {
    auto& text = evidence_.devices;
    if (sources_.devices.fd() < 0 || !first_stamp(evidence_.trace)) {
        return;
    }
    while (text.size() < kMostTrace && sources_.devices.read(text) != 0) {
    }
    if (text.size() >= kMostTrace || text.find("[LOST ") != std::string::npos) {
        let_devices_go();
    }
    const auto same = same_steps(evidence_.trace, text);
    const size_t mine = same ? same->end : length_until(text, *last_stamp(evidence_.trace));
    evidence_.devices_cut = !same || same->late;
    if (!evidence_.devices_cut) {
        evidence_.trace = text.substr(same->begin, same->end - same->begin);
    }
    text.erase(0, mine);
    text.shrink_to_fit();  // a megabyte that would be kept until the next suspend
}

void Observer::let_devices_go() {
    sources_.devices.empty();
    evidence_.devices.clear();
}

Evidence Observer::take_rest(size_t over) {
    Evidence rest;
    rest.since_boot_ns = evidence_.since_boot_ns;
    if (over == 0) {
        return rest;
    }
    rest.trace = evidence_.trace.substr(over);
    evidence_.trace.resize(over);
    const size_t suspends = count_thaws(evidence_.trace);
    auto& log = evidence_.kmsg;
    if (log.size() > suspends) {
        const auto first = log.begin() + static_cast<std::ptrdiff_t>(suspends);
        rest.kmsg.assign(std::make_move_iterator(first), std::make_move_iterator(log.end()));
        log.erase(first, log.end());
    }
    return rest;
}

void Observer::settle() {
    drain();
    loop_.cancel(timer_);
    // Suspends that follow one another closely are told as they end, not when the last one has.
    const bool going_on = evidence_.has_suspend() && !complete();
    const size_t over = going_on ? end_of_last_thaw(evidence_.trace) : 0;
    if (going_on && over == 0 && waited_ < kMostWaits) {
        ++waited_;
        settle_in(kWait);
        return;
    }
    Evidence next = take_rest(over);
    // The next one has begun and more than one is over: there is no time to read of each device.
    if (over != 0 && count_thaws(evidence_.trace) > 1) {
        let_devices_go();
    }
    add_devices();
    next.devices = std::move(evidence_.devices);
    evidence_.after = sources_.snapshot();
    evidence_.sources = sources_.states();
    auto reports = judge(evidence_, classify_);
    if (reports.empty()) {
        if (auto report = judge_unannounced(evidence_)) {
            reports.push_back(std::move(*report));
        }
    }
    for (auto& report : reports) {
        for (const auto& source : evidence_.sources) {
            report.sources.push_back({source.name, source.available, source.detail});
        }
    }
    lost_ns_ = lost_time_ns(evidence_.before, evidence_.after);
    next.before = std::move(evidence_.after);
    std::swap(evidence_, next);  // a trace that is moved over keeps the room of the one before
    gathering_ = false;
    if (over != 0) {
        begin();
    }
    absorb_links_until_ns_ = evidence_.before.clocks.boot_ns + kAbsorbLinksNs;
    if (!reports.empty()) {
        deliver_(std::move(reports));
    }
}

}  // namespace resume::agent
