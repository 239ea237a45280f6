// Tells clean traces to the oracle's tests, which then change one thing in them.
#pragma once

#include <functional>
#include <vector>

#include "libresume/oracle/judge.h"
#include "libresume/oracle/trace_view.h"

namespace resume::oracle {

/// A PVH guest with two vCPUs, six system devices and three ordinary ones (a bus, a disk on it, a
/// net on it that also needs the disk), seen by the other side in everything.
class Story {
  public:
    static constexpr DeviceId kSharedInfo = 2;
    static constexpr DeviceId kTimer = 5;
    static constexpr DeviceId kTimekeeping = 6;
    static constexpr DeviceId kBus = 10;
    static constexpr DeviceId kDisk = 11;
    static constexpr DeviceId kNet = 12;

    /// Boot is told at once.
    Story();

    Story& resumed(DomainEvidence evidence = DomainEvidence::fresh);
    Story& cancelled();
    /// The disk refuses to suspend.
    Story& aborted();

    /// The first event for which this is true, from `from` on; the test fails when there is none.
    using Match = std::function<bool(const TraceEvent&)>;
    [[nodiscard]] size_t find(const Match& match, size_t from = 0) const;
    [[nodiscard]] size_t find(EventKind kind, size_t from = 0) const;
    [[nodiscard]] size_t find_hook(EventKind kind, DeviceId device, Phase phase) const;

    Story& drop(size_t index);
    Story& drop_all(const Match& match);
    Story& drop_all(EventKind kind);
    Story& insert(size_t index, TraceEvent event);
    /// Moves the event at `from` so that it stands in front of the one at `before`.
    Story& move(size_t from, size_t before);
    TraceEvent& at(size_t index) { return view_.events[index]; }

    [[nodiscard]] size_t size() const { return view_.events.size(); }
    /// Where the last cycle begins.
    [[nodiscard]] size_t cycle() const { return cycle_start_; }
    [[nodiscard]] TraceView& view() { return view_; }
    [[nodiscard]] Verdict verdict() const { return judge(view_); }

  private:
    TraceEvent& tell(TraceEvent event, uint64_t passes = 1000);
    void by_platform(EventKind kind, uint32_t arg = 0, uint8_t cpu = 0);
    void by_xen(TraceEvent event);
    void by_store(EventKind kind, uint32_t arg32, uint64_t arg64 = 0);
    void set_up_domain();
    void request();
    void begin(Outcome outcome);
    void step(Step step, const std::function<void()>& body, int32_t status = 0);
    void hooks(Phase phase, std::vector<DeviceId> devices, Outcome outcome = Outcome::aborted);
    void clock();
    void go_down();
    void enter(int32_t returned, DomainEvidence evidence);
    void come_up(Outcome outcome, bool anew);
    void end(Outcome outcome);

    TraceView view_;
    Ticks now_ = 1'000'000;
    uint64_t clock_ns_ = 5'000;
    uint32_t cycles_ = 0;
    uint32_t request_id_ = 1;
    size_t cycle_start_ = 0;
};

}  // namespace resume::oracle
