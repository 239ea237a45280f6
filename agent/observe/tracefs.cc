#include "agent/observe/tracefs.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <vector>

namespace resume::agent {

namespace {

uint32_t possible_cpus() noexcept {
    const long count = ::sysconf(_SC_NPROCESSORS_CONF);
    return count > 0 ? static_cast<uint32_t>(count) : 1;
}

/// Where tracefs is mounted; empty when it is not.
std::string tracefs_of(const Root& root) {
    for (const char* place : {"/sys/kernel/tracing", "/sys/kernel/debug/tracing"}) {
        if (::access(root(std::string{place} + "/instances").c_str(), F_OK) == 0) {
            return root(place);
        }
    }
    return {};
}

}  // namespace

TraceInstance::TraceInstance(const Root& root, What what, const TraceOptions& options)
    : what_{what} {
    if (what == What::devices && !options.devices) {
        problem_ = "switched off";
        return;
    }
    const std::string tracefs = tracefs_of(root);
    if (tracefs.empty()) {
        problem_ = "tracefs is not mounted at /sys/kernel/tracing, or not for this user";
        return;
    }
    folder_ = tracefs + "/instances/libresume" + (what == What::devices ? "-devices" : "");
    if (::mkdir(folder_.c_str(), 0700) != 0 && errno != EEXIST) {
        problem_ = explain("cannot make " + folder_, errno);
        return;
    }
    made_ = true;
    problem_ = left_running() ? open_pipe() : set_up(options);
    if (!problem_.empty()) {
        pipe_.reset();
        return;
    }
    if (what == What::steps) {
        enable_failures();
    }
}

TraceInstance::~TraceInstance() {
    pipe_.reset();
    if (made_) {
        ::rmdir(folder_.c_str());
    }
}

std::string TraceInstance::enable(std::string_view event) {
    const std::string path = folder_ + "/events/power/" + std::string{event} + "/enable";
    const int error = write_existing(path, "1");
    return error == 0 ? std::string{} : explain("cannot enable " + path, error);
}

// A kernel may well have neither; the suspends are what counts.
void TraceInstance::enable_failures() {
    const std::string callbacks = folder_ + "/events/power/device_pm_callback_end";
    if (write_existing(callbacks + "/filter", "error != 0") == 0) {
        write_existing(callbacks + "/enable", "1");
    }
    for (const char* system : {"ras", "memory_failure"}) {
        const std::string path = folder_ + "/events/" + system + "/memory_failure_event/enable";
        memory_failures_ = memory_failures_ || write_existing(path, "1") == 0;
    }
}

bool TraceInstance::left_running() const {
    const auto clock = read_line(folder_ + "/trace_clock", 256);
    return read_number(folder_ + "/tracing_on") == 1 && clock &&
           clock->find("[boot]") != std::string::npos &&
           read_number(folder_ + "/events/power/suspend_resume/enable") == 1 &&
           (what_ == What::steps ||
            read_number(folder_ + "/events/power/device_pm_callback_start/enable") == 1);
}

std::string TraceInstance::open_pipe() {
    pipe_ = UniqueFd{::open((folder_ + "/trace_pipe").c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC)};
    return pipe_.valid() ? std::string{} : explain("cannot open " + folder_ + "/trace_pipe", errno);
}

std::string TraceInstance::set_up(const TraceOptions& options) {
    const uint32_t whole = what_ == What::steps ? kStepsKib : options.buffer_kib;
    const uint32_t per_cpu = std::max<uint32_t>(whole / possible_cpus(), 16);
    const std::array<std::pair<const char*, std::string>, 5> settings{{
        {"tracing_on", "0"},
        {"trace", ""},  // opening it for writing empties the buffer
        {"trace_clock", "boot"},
        {"buffer_size_kb", std::to_string(per_cpu)},
        {"buffer_percent", "0"},
    }};
    for (const auto& [file, value] : settings) {
        const std::string path = folder_ + "/" + file;
        // Kernels before 5.0 have no buffer_percent: they wake readers at once.
        if (const int error = write_existing(path, value);
            error != 0 && !(error == ENOENT && path.ends_with("buffer_percent"))) {
            return explain("cannot write " + path, error);
        }
    }
    const std::vector<const char*> events =
        what_ == What::steps
            ? std::vector{"suspend_resume"}
            : std::vector{"suspend_resume", "device_pm_callback_start", "device_pm_callback_end"};
    for (const char* event : events) {
        if (auto problem = enable(event); !problem.empty()) {
            return problem;
        }
    }
    if (auto problem = open_pipe(); !problem.empty()) {
        return problem;
    }
    const int error = write_existing(folder_ + "/tracing_on", "1");
    return error == 0 ? std::string{} : explain("cannot turn tracing on", error);
}

size_t TraceInstance::read(std::string& text, size_t limit) {
    std::array<char, 16384> chunk{};
    size_t total = 0;
    while (total < limit) {
        const ssize_t count = ::read(pipe_.get(), chunk.data(), chunk.size());
        if (count < 0 && errno == EINTR) {
            continue;
        }
        if (count <= 0) {
            break;
        }
        text.append(chunk.data(), static_cast<size_t>(count));
        total += static_cast<size_t>(count);
    }
    return total;
}

void TraceInstance::empty() const {
    if (pipe_.valid()) {
        const UniqueFd opened{::open((folder_ + "/trace").c_str(), O_WRONLY | O_TRUNC | O_CLOEXEC)};
    }
}

SourceState TraceInstance::state() const {
    const bool devices = what_ == What::devices;
    return {.name = devices ? "tracefs-devices" : "tracefs",
            .available = problem_.empty(),
            .detail = !problem_.empty()  ? problem_
                      : devices          ? "devices' callbacks in boot time"
                      : memory_failures_ ? "steps in boot time; lost pages"
                                         : "steps in boot time"};
}

}  // namespace resume::agent
