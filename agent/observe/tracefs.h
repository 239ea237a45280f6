// Private tracefs instances with the kernel's own record of suspends, in boot time: one of the
// steps (power:suspend_resume), of devices that fail and of pages that the kernel loses, which says
// what happened; and one of the same steps with all devices' callbacks
// (power:device_pm_callback_{start,end}), a hundred times as much, which may overflow: without it
// the first one must still tell who refused. Nobody else's tracing is touched, and ours goes away
// with us.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "agent/base/files.h"
#include "agent/base/unique_fd.h"
#include "agent/observe/source.h"

namespace resume::agent {

struct TraceOptions {
    /// Of the devices' callbacks, over all CPUs; what a cycle writes must fit, since nobody reads
    /// while tasks are frozen.
    uint32_t buffer_kib = 4096;
    bool devices = true;  ///< each device's callbacks too, not the steps alone
};

class TraceInstance {
  public:
    enum class What : uint8_t { steps, devices };

    /// Makes instances/libresume (or libresume-devices) and turns the events on; or takes over the
    /// one that a killed agent left behind, with what it has recorded since.
    TraceInstance(const Root& root, What what, const TraceOptions& options);
    TraceInstance(const TraceInstance&) = delete;
    TraceInstance& operator=(const TraceInstance&) = delete;
    /// Removes the instance.
    ~TraceInstance();

    [[nodiscard]] int fd() const noexcept { return pipe_.get(); }
    [[nodiscard]] SourceState state() const;

    /// Appends what the kernel has, up to `limit` bytes; whole lines are not promised. Returns the
    /// count, 0 when there is nothing for now.
    size_t read(std::string& text, size_t limit = 256UL * 1024);
    /// Throws away what nobody has read.
    void empty() const;

    /// For more than a hundred suspends that nobody had time to read about.
    static constexpr uint32_t kStepsKib = 256;

  private:
    [[nodiscard]] bool left_running() const;
    std::string open_pipe();
    std::string set_up(const TraceOptions& options);
    std::string enable(std::string_view event);
    void enable_failures();

    What what_;
    std::string folder_{};
    std::string problem_{};
    UniqueFd pipe_{};
    bool made_ = false;
    bool memory_failures_ = false;
};

}  // namespace resume::agent
