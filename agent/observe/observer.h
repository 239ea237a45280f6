// Gathers what the sources say from the first sign of a suspend to its end, has it judged, and
// hands the reports on. Runs on the event loop; arms a timer only while something is going on.
#pragma once

#include <functional>
#include <memory>
#include <string_view>
#include <vector>

#include "agent/base/event_loop.h"
#include "agent/observe/judge.h"
#include "agent/observe/memory_failure.h"
#include "agent/observe/sources.h"

namespace resume::agent {

/// Where the last Xen suspend that is over ends in a trace, when another one has begun behind it; 0
/// when there is none. Sleep states end in more than one event: they are never cut.
[[nodiscard]] size_t end_of_last_thaw(std::string_view trace);

class Observer {
  public:
    using Deliver = std::function<void(std::vector<oracle::CycleReport>)>;

    Observer(EventLoop& loop, Sources& sources, Classifier classify, Deliver deliver);
    Observer(const Observer&) = delete;
    Observer& operator=(const Observer&) = delete;
    ~Observer();

    /// `lost` is called when the kernel says that it lost a page, in a cycle or at rest.
    void on_memory_failure(std::function<void(const MemoryFailure&)> lost) {
        lost_page_ = std::move(lost);
    }

    /// Looks for a pause at a wake-up that somebody else paid for (a request, a signal, the poll
    /// timer).
    void look_for_pause();

    /// How far REALTIME fell behind across what was judged last; nullopt: not, or unknown.
    [[nodiscard]] std::optional<int64_t> lost_ns() const noexcept { return lost_ns_; }
    /// The wall clock was just moved by the agent itself: no news, not in a cycle that has begun
    /// meanwhile either.
    void clock_moved_by_us(int64_t by_ns);

    /// Something was seen that has not been judged yet.
    [[nodiscard]] bool busy() const noexcept { return gathering_; }
    [[nodiscard]] const Snapshot& quiet() const noexcept { return evidence_.before; }

  private:
    void on_trace();
    void on_kmsg();
    void on_links();
    void on_uevent();
    void on_clock();

    void begin();
    void settle_in(std::chrono::milliseconds delay);
    void settle();
    /// Takes what belongs to a suspend that has begun behind the ones that are over.
    [[nodiscard]] Evidence take_rest(size_t over);
    /// Puts the devices' callbacks into the trace, or says that they are not there.
    void add_devices();
    void let_devices_go();
    void drain();
    /// The end of the last suspend was seen, by the source that tells it best.
    [[nodiscard]] bool complete() const;
    [[nodiscard]] bool open_in_log() const;

    EventLoop& loop_;
    Sources& sources_;
    Classifier classify_;
    Deliver deliver_;
    std::function<void(const MemoryFailure&)> lost_page_{};
    Evidence evidence_{};
    bool gathering_ = false;
    EventLoop::TimerId timer_ = 0;
    int64_t absorb_links_until_ns_ = 0;  ///< CLOCK_BOOTTIME: frontends come back after the thaw
    std::optional<int64_t> lost_ns_{};
    int waited_ = 0;  ///< how often the end was waited for
};

}  // namespace resume::agent
