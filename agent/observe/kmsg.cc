#include "agent/observe/kmsg.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <iterator>

namespace resume::agent {

namespace {

bool has(std::string_view text, std::string_view part) noexcept {
    return text.find(part) != std::string_view::npos;
}

/// The number that stands right behind `mark`; 0 when there is none.
int64_t number_after(std::string_view text, std::string_view mark) noexcept {
    const size_t at = text.find(mark);
    if (at == std::string_view::npos) {
        return 0;
    }
    int64_t value = 0;
    const char* begin = text.data() + at + mark.size();
    std::from_chars(begin, text.data() + text.size(), value);
    return value;
}

std::string_view between(std::string_view text, std::string_view open, std::string_view close) {
    const size_t begin = text.find(open);
    if (begin == std::string_view::npos) {
        return {};
    }
    const size_t first = begin + open.size();
    const size_t end = text.find(close, first);
    return end == std::string_view::npos ? std::string_view{} : text.substr(first, end - first);
}

int errno_after(std::string_view text, std::string_view mark) noexcept {
    const int64_t value = number_after(text, mark);
    return value < 0 && value > -4096 ? static_cast<int>(-value) : 0;
}

void add_device(KmsgFacts& facts, std::string_view text) {
    // "alarmtimer alarmtimer.0.auto: PM: failed to suspend: error -16"
    const size_t mark = text.find(": PM: failed to ");
    if (mark == std::string_view::npos || !facts.refusing_device.empty()) {
        return;
    }
    std::string_view who = text.substr(0, mark);
    if (const size_t blank = who.rfind(' '); blank != std::string_view::npos) {
        who.remove_prefix(blank + 1);
    }
    facts.refusing_device = who;
    facts.refusing_device_errno = errno_after(text, "error ");
}

void add_freeze(KmsgFacts& facts, std::string_view text) {
    if (has(text, "Freezing of tasks failed after")) {
        facts.freeze_failed = true;
    } else if (has(text, "Freezing of tasks aborted after") ||
               has(text, "Freezing user space processes aborted")) {
        facts.freeze_aborted = true;
    } else if (has(text, "Freezing user space processes failed after") ||
               has(text, "Freezing remaining freezable tasks failed after")) {
        facts.freeze_failed = true;
    } else if (facts.freeze_failed && facts.refusing_task.empty() && text.starts_with("task:")) {
        // "task:sh              state:D stack:0     pid:344   ppid:114 ..."
        facts.refusing_task = trim(between(text, "task:", "state:"));
        const size_t pid = text.find("pid:");
        const size_t digits = pid == std::string_view::npos ? std::string_view::npos
                                                            : text.find_first_not_of(' ', pid + 4);
        if (digits != std::string_view::npos) {
            facts.refusing_pid = number_after(text.substr(digits), "");
        }
    }
}

void add_xen(KmsgFacts& facts, std::string_view text) {
    constexpr std::string_view kRefusals[] = {
        "do_suspend: ", "xen_suspend: ", "dpm_suspend_end failed: "};
    const bool refused = has(text, "xen:manage: ") &&
                         std::any_of(std::begin(kRefusals), std::end(kRefusals),
                                     [&](std::string_view mark) { return has(text, mark); });
    if (refused) {
        facts.xen = true;
        facts.xen_errno = errno_after(text.substr(text.rfind(' ')), " ");  // the line's last word
    } else if (has(text, "suspending xenstore") ||
               has(text, "xen:grant_table: Grant tables using version")) {
        facts.xen = true;
    }
}

}  // namespace

std::optional<KmsgRecord> parse_kmsg(std::string_view raw) {
    const size_t semicolon = raw.find(';');
    if (semicolon == std::string_view::npos) {
        return std::nullopt;
    }
    KmsgRecord record;
    std::string_view head = raw.substr(0, semicolon);
    const size_t first = head.find(',');
    const size_t second = first == std::string_view::npos ? first : head.find(',', first + 1);
    if (second == std::string_view::npos) {
        return std::nullopt;
    }
    const size_t third = std::min(head.find(',', second + 1), head.size());
    const auto sequence = parse_number(head.substr(first + 1, second - first - 1));
    const auto time = parse_number(head.substr(second + 1, third - second - 1));
    if (!sequence || !time) {
        return std::nullopt;
    }
    record.sequence = static_cast<uint64_t>(*sequence);
    record.time_us = *time;
    const std::string_view text = raw.substr(semicolon + 1);
    record.text = text.substr(0, text.find('\n'));
    return record;
}

void KmsgFacts::add(std::string_view text) {
    if (text.starts_with("PM: suspend entry")) {
        entered = true;
        sleep_state = between(text, "(", ")");
    } else if (text.starts_with("PM: hibernation: hibernation entry")) {
        entered = true;
        sleep_state = "disk";
    } else if (text.starts_with("PM: suspend exit") ||
               text.starts_with("PM: hibernation: hibernation exit")) {
        left = true;
    } else if (has(text, "suspend debug: Waiting for") || has(text, "hibernation debug: Waiting")) {
        test_wait = true;
    } else if (has(text, "Unsupported test mode for suspend to idle")) {
        unsupported_test = true;
    } else if (has(text, "early wake event detected")) {
        woke_early = true;
    } else if (has(text, "crng reseeded due to virtual machine fork")) {
        forked = true;
    } else if (const auto what = between(text, "Injecting error (", ")"); !what.empty()) {
        notifier = text.substr(text.rfind(' ') + 1);
        notifier_errno = errno_after(text, "(");
    } else if (text.starts_with("ACPI Error") && hardware_error.empty()) {
        hardware_error = text.substr(0, 200);
    }
    add_freeze(*this, text);
    add_device(*this, text);
    add_xen(*this, text);
}

Kmsg::Kmsg(const Root& root)
    : fd_{::open(root("/dev/kmsg").c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC)} {
    error_ = fd_.valid() ? 0 : errno;
    if (error_ == 0) {
        ::lseek(fd_.get(), 0, SEEK_END);
    }
}

SourceState Kmsg::state() const {
    return {.name = "kmsg",
            .available = error_ == 0,
            .detail = error_ == 0 ? "kernel messages" : explain("cannot open /dev/kmsg", error_)};
}

std::optional<KmsgRecord> Kmsg::next(bool& lost) {
    std::array<char, 8192> raw{};
    for (;;) {
        const ssize_t count = ::read(fd_.get(), raw.data(), raw.size());
        if (count < 0 && errno == EPIPE) {
            lost = true;
            continue;
        }
        if (count < 0 && errno == EINTR) {
            continue;
        }
        if (count <= 0) {
            return std::nullopt;
        }
        if (auto record = parse_kmsg({raw.data(), static_cast<size_t>(count)})) {
            return record;
        }
    }
}

}  // namespace resume::agent
