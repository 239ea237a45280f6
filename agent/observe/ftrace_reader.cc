#include "agent/observe/ftrace_reader.h"

#include <algorithm>

namespace resume::agent {
namespace {

bool starts_with(std::string_view text, std::string_view with) {
    return text.substr(0, with.size()) == with;
}

bool is_dpm(std::string_view action) {
    return starts_with(action, "dpm_");
}

/// A whole cycle begins with one of these; anything else means that its beginning is missing.
bool may_start(const FtraceLine& line) {
    return line.begin && (line.action == "suspend_enter" || line.action == "dpm_prepare" ||
                          line.action == "thaw_processes" || line.action == "freeze_processes" ||
                          line.action == "sync_filesystems");
}

}  // namespace

void FtraceReader::new_capture() {
    ++captures_;
    close();
    lost_pending_ = false;
    pending_hints_ = {};
}

void FtraceReader::open(uint64_t line, bool headless) {
    cycle_.emplace();
    cycle_->first_line = line;
    cycle_->headless = headless;
    cycle_->lost = lost_pending_;
    cycle_->hints = pending_hints_;
    pending_hints_ = {};
    lost_pending_ = false;
    closing_ = false;
    order_ = 0;
    open_callbacks_.clear();
}

void FtraceReader::close() {
    if (cycle_) {
        KernelCycle done = std::move(*cycle_);
        cycle_.reset();
        sink_(std::move(done));
    }
    closing_ = false;
}

void FtraceReader::finish() {
    close();
}

bool FtraceReader::line(std::string_view text, uint64_t number) {
    const FtraceLine line = parse_ftrace_line(text);
    switch (line.kind) {
        case FtraceKind::foreign:
            return read_log(text);
        case FtraceKind::new_capture:
            new_capture();
            return true;
        case FtraceKind::counts:
            lost_pending_ |= line.written > line.entries;
            return true;
        case FtraceKind::lost:
        case FtraceKind::garbled:
            if (cycle_ && !closing_) {
                (line.kind == FtraceKind::lost ? cycle_->lost : cycle_->garbled) = true;
            } else {
                lost_pending_ = true;
            }
            return true;
        case FtraceKind::step:
            step(line, number);
            break;
        case FtraceKind::callback_start:
            begin_callback(line, number);
            break;
        case FtraceKind::callback_end:
            end_callback(line, number);
            break;
    }
    ++events_;
    if (cycle_) {
        cycle_->last_line = number;
    }
    return true;
}

bool FtraceReader::starts_anew(const FtraceLine& line) const {
    if (!line.begin) {
        return false;
    }
    if (closing_ || line.action == "suspend_enter") {
        return true;
    }
    // A hibernation goes down more than once, each time for another reason; Xen's suspend does not.
    const Span* first = cycle_->find("dpm_prepare");
    return line.action == "dpm_prepare" && first != nullptr && first->value == line.value &&
           cycle_->has("dpm_complete");
}

void FtraceReader::step(const FtraceLine& line, uint64_t number) {
    if (cycle_ && starts_anew(line)) {
        cycle_->superseded = !closing_;
        close();
    }
    if (!cycle_) {
        open(number, !may_start(line));
    }
    if (cycle_->spans.size() >= limits_.spans) {
        ++cycle_->over_limit;
        return;
    }
    if (line.begin) {
        begin_step(line, number);
    } else {
        end_step(line, number);
    }
}

void FtraceReader::begin_step(const FtraceLine& line, uint64_t) {
    Span span;
    span.action = cycle_->names.add(line.action);
    span.value = line.value;
    span.task = cycle_->names.add(line.task);
    span.pid = line.pid;
    span.begin_ns = line.ns;
    span.begin_order = ++order_;
    cycle_->spans.push_back(span);
}

void FtraceReader::end_step(const FtraceLine& line, uint64_t number) {
    const uint32_t action = cycle_->names.add(line.action);
    bool freezing = false;
    Span* found = nullptr;
    for (Span& span : cycle_->spans) {
        if (span.ended) {
            continue;
        }
        if (span.action == action && span.value == line.value) {
            found = &span;
        } else {
            freezing |= cycle_->action(span) == "freeze_processes";
        }
    }
    if (found == nullptr) {
        cycle_->headless |= cycle_->spans.empty();
        cycle_->unmatched_ends += cycle_->headless ? 0 : 1;
    } else {
        found->ended = true;
        found->end_ns = line.ns;
        found->end_order = ++order_;
    }
    if (line.action == "thaw_processes") {
        cycle_->thawed = true;
        closing_ = true;
    }
    cycle_->last_line = number;
    // A freeze that failed thaws before it ends: its own end still belongs here.
    if (closing_ && !freezing) {
        close();
    }
}

uint32_t FtraceReader::current_phase() const {
    for (size_t i = cycle_->spans.size(); i > 0; --i) {
        const Span& span = cycle_->spans[i - 1];
        if (!span.ended && is_dpm(cycle_->action(span))) {
            return static_cast<uint32_t>(i - 1);
        }
    }
    return kNoSpan;
}

void FtraceReader::begin_callback(const FtraceLine& line, uint64_t number) {
    if (cycle_ && closing_) {
        close();
    }
    if (!cycle_) {
        open(number, true);
    }
    if (cycle_->callbacks.size() >= limits_.callbacks ||
        open_callbacks_.size() >= limits_.open_callbacks) {
        ++cycle_->over_limit;
        return;
    }
    Callback callback;
    callback.device = cycle_->names.add(line.device);
    callback.parent = cycle_->names.add(line.parent);
    callback.stage = cycle_->names.add(line.stage);
    callback.verb = cycle_->names.add(line.verb);
    callback.span = current_phase();
    callback.pid = line.pid;
    callback.cpu = line.cpu;
    callback.begin_ns = line.ns;
    callback.begin_order = ++order_;
    open_callbacks_.push_back(static_cast<uint32_t>(cycle_->callbacks.size()));
    cycle_->callbacks.push_back(callback);
}

void FtraceReader::end_callback(const FtraceLine& line, uint64_t number) {
    if (!cycle_) {
        open(number, true);
    }
    const uint32_t device = cycle_->names.add(line.device);
    // Callbacks interleave (asynchronous ones run in several tasks): by device and task.
    auto found = std::find_if(open_callbacks_.rbegin(), open_callbacks_.rend(), [&](uint32_t i) {
        return cycle_->callbacks[i].device == device && cycle_->callbacks[i].pid == line.pid;
    });
    const auto& all = cycle_->callbacks;
    if (found == open_callbacks_.rend() && line.error != 0 && all.size() < limits_.callbacks &&
        std::none_of(all.begin(), all.end(), [](const auto& each) { return each.started; })) {
        add_failure(line);
        return;
    }
    if (found == open_callbacks_.rend()) {
        cycle_->unmatched_ends += cycle_->headless || cycle_->over_limit != 0 ? 0 : 1;
        return;
    }
    Callback& callback = cycle_->callbacks[*found];
    callback.ended = true;
    callback.end_ns = line.ns;
    callback.error = line.error;
    callback.end_order = ++order_;
    open_callbacks_.erase(std::next(found).base());
}

/// Where only failures are traced, the end of one is all that there is.
void FtraceReader::add_failure(const FtraceLine& line) {
    Callback callback;
    callback.device = cycle_->names.add(line.device);
    callback.span = current_phase();
    callback.pid = line.pid;
    callback.cpu = line.cpu;
    callback.begin_ns = callback.end_ns = line.ns;
    callback.begin_order = callback.end_order = ++order_;
    callback.started = false;
    callback.ended = true;
    callback.error = line.error;
    cycle_->callbacks.push_back(callback);
}

bool FtraceReader::read_log(std::string_view text) {
    LogHints& hints = cycle_ ? cycle_->hints : pending_hints_;
    const auto has = [text](std::string_view what) { return text.find(what) != text.npos; };
    if (has("Freezing ") && has(" failed after ")) {
        hints.freeze_failed = true;
        wants_task_name_ = true;
    } else if (has("Freezing ") && has(" aborted after ")) {
        hints.freeze_aborted = true;
    } else if (has("suspend debug: Waiting for") || has("hibernation debug: Waiting for")) {
        hints.pm_test = true;
    } else if (wants_task_name_ && has("task:")) {
        std::string_view rest = text.substr(text.find("task:") + 5);
        hints.task = rest.substr(0, std::min(rest.find(' '), size_t{64}));
        wants_task_name_ = false;
    }
    return false;
}

}  // namespace resume::agent
