#include "agent/observe/ftrace_line.h"

#include <charconv>

namespace resume::agent {
namespace {

constexpr std::string_view kDigits = "0123456789";
constexpr std::string_view kStep = "suspend_resume:";
constexpr std::string_view kStart = "device_pm_callback_start:";
constexpr std::string_view kEnd = "device_pm_callback_end:";

std::string_view trim(std::string_view text) {
    while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) {
        text.remove_prefix(1);
    }
    while (!text.empty() && (text.back() == ' ' || text.back() == '\t' || text.back() == '\r')) {
        text.remove_suffix(1);
    }
    return text;
}

template <class Number>
std::optional<Number> number(std::string_view text) {
    Number value{};
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (text.empty() || error != std::errc{} || end != text.data() + text.size()) {
        return std::nullopt;
    }
    return value;
}

bool all_digits(std::string_view text) {
    return !text.empty() && text.find_first_not_of(kDigits) == text.npos;
}

/// Takes the last word off; empty when there is none.
std::string_view pop_word(std::string_view& text) {
    text = trim(text);
    const size_t blank = text.find_last_of(" \t");
    const std::string_view word = text.substr(blank == text.npos ? 0 : blank + 1);
    text.remove_suffix(word.size());
    text = trim(text);
    return word;
}

/// "14.156675", "14.156675123", "1556398us" or a bare count, in nanoseconds.
std::optional<uint64_t> stamp(std::string_view text) {
    constexpr uint64_t kMostSeconds = 1ULL << 33;
    if (text.size() > 2 && text.substr(text.size() - 2) == "us") {
        const auto us = number<uint64_t>(text.substr(0, text.size() - 2));
        return us && *us < kMostSeconds * 1'000'000 ? std::optional{*us * 1000} : std::nullopt;
    }
    const size_t point = text.find('.');
    if (point == text.npos) {
        return number<uint64_t>(text);
    }
    const auto seconds = number<uint64_t>(text.substr(0, point));
    const std::string_view fraction = text.substr(point + 1);
    const auto part = number<uint64_t>(fraction);
    if (!seconds || !part || fraction.size() > 9 || *seconds > kMostSeconds) {
        return std::nullopt;
    }
    uint64_t ns = *part;
    for (size_t i = fraction.size(); i < 9; ++i) {
        ns *= 10;
    }
    return *seconds * 1'000'000'000 + ns;
}

/// What a console or a log writes in front of a line that the kernel dumps.
std::string_view without_log_prefix(std::string_view text) {
    const size_t kernel = text.find("kernel: ");
    if (kernel != text.npos) {
        text.remove_prefix(kernel + 8);
    }
    const size_t record = text.find(",-;");
    if (record != text.npos) {
        text.remove_prefix(record + 3);
    }
    text = trim(text);
    while (!text.empty() && (text.front() == '[' || text.front() == '<')) {
        const size_t close = text.find(text.front() == '[' ? ']' : '>');
        if (close == text.npos || text.substr(0, 5) == "<...>") {
            break;
        }
        text.remove_prefix(close + 1);
        text = trim(text);
    }
    return text;
}

/// "xenwatch-50" or "xenwatch 50".
void read_task(std::string_view text, FtraceLine& out) {
    text = without_log_prefix(text);
    const size_t digits = text.find_last_not_of(kDigits);
    if (digits == text.npos || digits + 1 == text.size()) {
        out.task = text;
        return;
    }
    out.pid = number<int32_t>(text.substr(digits + 1)).value_or(-1);
    out.task = trim(text.substr(0, digits));
    if (text[digits] != '-' && text[digits] != ' ') {
        out.task = text;
        out.pid = -1;
    }
}

/// Everything in front of the event's name, without the colon behind the time.
bool read_front(std::string_view front, FtraceLine& out) {
    front = trim(front);
    while (!front.empty() && std::string_view{" :+!#*@$"}.find(front.back()) != front.npos) {
        front.remove_suffix(1);
    }
    const auto when = stamp(pop_word(front));
    if (!when) {
        return false;
    }
    out.ns = *when;
    // "[001] d..1." or, in a dump, "0d..1.", or "[001]" alone.
    for (size_t close = front.rfind(']'); close != front.npos && close > 0;
         close = front.rfind(']', close - 1)) {
        const size_t open = front.rfind('[', close);
        if (open == front.npos) {
            break;
        }
        const std::string_view inside = trim(front.substr(open + 1, close - open - 1));
        if (all_digits(inside)) {
            out.cpu = number<uint32_t>(inside).value_or(0);
            front = trim(front.substr(0, open));
            if (!front.empty() && front.back() == ')') {
                front = trim(front.substr(0, front.rfind('(')));
            }
            read_task(front, out);
            return true;
        }
        if (open == 0) {
            break;
        }
    }
    const std::string_view place = pop_word(front);
    const size_t flags = place.find_first_not_of(kDigits);
    if (flags == 0 || front.empty()) {
        return false;
    }
    out.cpu = number<uint32_t>(place.substr(0, flags)).value_or(0);
    read_task(front, out);
    return true;
}

bool read_step(std::string_view text, FtraceLine& out) {
    text = trim(text);
    const size_t open = text.find('[');
    const size_t close = text.find(']', open == text.npos ? 0 : open);
    if (open == text.npos || close == text.npos || open == 0) {
        return false;
    }
    const auto value = number<uint32_t>(text.substr(open + 1, close - open - 1));
    const std::string_view word = trim(text.substr(close + 1));
    if (!value || (word != "begin" && word != "end")) {
        return false;
    }
    out.kind = FtraceKind::step;
    out.action = text.substr(0, open);
    out.value = *value;
    out.begin = word == "begin";
    return true;
}

bool read_start(std::string_view text, FtraceLine& out) {
    constexpr std::string_view kParent = ", parent: ";
    text = trim(text);
    const size_t parent = text.rfind(kParent);
    const size_t open = text.rfind('[');
    if (parent == text.npos || open == text.npos || text.back() != ']' || open < parent) {
        return false;
    }
    out.kind = FtraceKind::callback_start;
    out.device = trim(text.substr(0, parent));
    out.verb = text.substr(open + 1, text.size() - open - 2);
    const std::string_view rest =
        text.substr(parent + kParent.size(), open - parent - kParent.size());
    const size_t comma = rest.rfind(',');
    if (comma == rest.npos || out.device.empty() || out.verb.empty()) {
        return false;
    }
    out.parent = trim(rest.substr(0, comma));
    out.stage = trim(rest.substr(comma + 1));
    return true;
}

bool read_end(std::string_view text, FtraceLine& out) {
    constexpr std::string_view kError = ", err=";
    text = trim(text);
    const size_t error = text.rfind(kError);
    if (error == text.npos) {
        return false;
    }
    const auto value = number<int32_t>(text.substr(error + kError.size()));
    out.kind = FtraceKind::callback_end;
    out.device = trim(text.substr(0, error));
    out.error = value.value_or(0);
    return value && !out.device.empty();
}

/// "CPU:0 [LOST 123 EVENTS]", "CPU:0 [LOST EVENTS]", "CPU:0 [123 EVENTS DROPPED]".
bool read_lost(std::string_view line, FtraceLine& out) {
    const size_t events = line.find(" EVENTS");
    const size_t open = line.find('[', line.find("CPU:"));
    if (line.find("CPU:") == line.npos || events == line.npos || open == line.npos ||
        open > events || (line.find("[LOST") == line.npos && line.find("DROPPED]") == line.npos)) {
        return false;
    }
    std::string_view count = line.substr(open + 1, events - open - 1);
    if (count.substr(0, 4) == "LOST") {
        count.remove_prefix(4);
    }
    out.kind = FtraceKind::lost;
    out.written = number<uint64_t>(trim(count)).value_or(0);
    return true;
}

bool read_head(std::string_view line, FtraceLine& out) {
    constexpr std::string_view kEntries = "# entries-in-buffer/entries-written:";
    if (line.find("# tracer:") != line.npos || line.find("Dumping ftrace buffer:") != line.npos) {
        out.kind = FtraceKind::new_capture;
        return true;
    }
    const size_t entries = line.find(kEntries);
    if (entries == line.npos) {
        return false;
    }
    std::string_view rest = trim(line.substr(entries + kEntries.size()));
    rest = rest.substr(0, rest.find(' '));
    const size_t slash = rest.find('/');
    if (slash == rest.npos) {
        return false;
    }
    const auto in_buffer = number<uint64_t>(rest.substr(0, slash));
    const auto written = number<uint64_t>(rest.substr(slash + 1));
    if (in_buffer && written) {
        out.kind = FtraceKind::counts;
        out.entries = *in_buffer;
        out.written = *written;
    }
    return in_buffer && written;
}

}  // namespace

FtraceLine parse_ftrace_line(std::string_view line) {
    FtraceLine out;
    struct Form {
        std::string_view name;
        bool (*read)(std::string_view, FtraceLine&);
    };
    constexpr Form kForms[] = {{kStep, read_step}, {kStart, read_start}, {kEnd, read_end}};
    for (const Form& form : kForms) {
        const size_t at = line.find(form.name);
        if (at == line.npos) {
            continue;
        }
        std::string_view front = line.substr(0, at);
        if (front.size() >= 6 && front.substr(front.size() - 6) == "power:") {
            front.remove_suffix(6);
        }
        const std::string_view before = trim(front);
        if (before.empty() || before.back() != ':') {
            continue;  // somebody speaks of it, nothing more
        }
        if (!read_front(front, out) || !form.read(line.substr(at + form.name.size()), out)) {
            out = FtraceLine{};
            out.kind = FtraceKind::garbled;
        }
        return out;
    }
    if (!read_head(line, out)) {
        read_lost(line, out);
    }
    return out;
}

}  // namespace resume::agent
