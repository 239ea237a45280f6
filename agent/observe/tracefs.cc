#include "agent/observe/tracefs.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>

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

TraceInstance::TraceInstance(const Root& root, const TraceOptions& options) {
    const std::string tracefs = tracefs_of(root);
    if (tracefs.empty()) {
        problem_ = "tracefs is not mounted at /sys/kernel/tracing, or not for this user";
        return;
    }
    folder_ = tracefs + "/instances/libresume";
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
    enable_memory_failures();
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

// A kernel may well have no such event; the suspends are what counts.
void TraceInstance::enable_memory_failures() {
    for (const char* system : {"ras", "memory_failure"}) {
        const std::string path = folder_ + "/events/" + system + "/memory_failure_event/enable";
        memory_failures_ = memory_failures_ || write_existing(path, "1") == 0;
    }
}

bool TraceInstance::left_running() const {
    const auto clock = read_line(folder_ + "/trace_clock", 256);
    return read_number(folder_ + "/tracing_on") == 1 && clock &&
           clock->find("[boot]") != std::string::npos &&
           read_number(folder_ + "/events/power/suspend_resume/enable") == 1;
}

std::string TraceInstance::open_pipe() {
    pipe_ = UniqueFd{::open((folder_ + "/trace_pipe").c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC)};
    return pipe_.valid() ? std::string{} : explain("cannot open " + folder_ + "/trace_pipe", errno);
}

std::string TraceInstance::set_up(const TraceOptions& options) {
    const uint32_t per_cpu = std::max<uint32_t>(options.buffer_kib / possible_cpus(), 64);
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
    if (auto problem = enable("suspend_resume"); !problem.empty()) {
        return problem;
    }
    if (options.devices) {
        for (const char* event : {"device_pm_callback_start", "device_pm_callback_end"}) {
            if (auto problem = enable(event); !problem.empty()) {
                return problem;
            }
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

SourceState TraceInstance::state() const {
    return {.name = "tracefs",
            .available = problem_.empty(),
            .detail = !problem_.empty()  ? problem_
                      : memory_failures_ ? "steps and devices in boot time; lost pages"
                                         : "steps and devices in boot time"};
}

}  // namespace resume::agent
