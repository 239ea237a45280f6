// Runs participants through a cycle by libresume's engine: down when somebody announces a suspend,
// up when it is over, whichever way. A suspend that nobody announced still gets its way up.
#pragma once

#include <deque>
#include <functional>
#include <string>
#include <vector>

#include "agent/act/machine.h"
#include "agent/act/participant.h"
#include "agent/base/files.h"
#include "libresume/engine.h"

namespace resume::agent {

class Coordinator {
  public:
    enum class End { none, released, expired, stopped };
    /// The reason that answers an announcement whose participants were too slow.
    static constexpr const char* kOutOfTime = "not ready in time";

    /// `pending_path`: the file that says "announced and not yet over", for the next start.
    Coordinator(EventLoop& loop, std::string pending_path);

    /// In the order of the way up: each comes up after the one before it.
    void add(Participant& participant);
    /// Lets go of all of them, last first: before they are destroyed.
    void detach();
    [[nodiscard]] Cycle& cycle() noexcept { return cycle_; }

    /// Called at the end of an announced cycle whose report nobody has written down: it was refused
    /// before it got that far.
    void on_unrecorded(std::function<void(Cycle&)> write) { unrecorded_ = std::move(write); }

    struct Announcement {
        std::string id{};
        std::string kind{};
        uint32_t deadline_ms = 45'000;  ///< for the way down
        uint32_t ttl_ms = 60'000;       ///< from ready until it is taken back
        bool freeze = false;
        /// Called once: everything is down (true), or somebody refused.
        std::function<void(bool ready, const std::string& reason)> answer{};
        /// Called when the time is over and nothing has happened, before the way up.
        std::function<void()> expired{};
    };

    /// Takes the announcement down, waits for the suspend or its end, comes up. Blocks, with the
    /// loop running: not from a handler. False when a cycle is running.
    bool run(Announcement announcement);
    /// The way up alone.
    void run_after(oracle::CycleReport report);
    /// A suspend was seen: ends the wait of a running announcement, or queues it.
    void deliver(oracle::CycleReport report);
    /// Runs what was delivered while nothing was announced. Not from a handler.
    void run_delivered();
    [[nodiscard]] bool has_delivered() const noexcept { return !delivered_.empty(); }

    /// Ends a running announcement; safe when none is running or the id is another's ("" fits any).
    void release(const std::string& id, End how = End::released);
    [[nodiscard]] bool running() const noexcept { return engine_.running(); }
    [[nodiscard]] bool announced() const noexcept { return running() && cycle_.announced; }

    /// An announcement that a killed agent left behind: kind and id; empty when there is none.
    [[nodiscard]] std::vector<std::string> left_behind() const;
    void forget_left_behind() const;
    /// What was delivered so far is the end of what was left behind.
    void mark_delivered_announced();

  private:
    Result<Outcome> wait_for_suspend();
    void finish();
    void forget_devices();

    EventLoop& loop_;
    std::string pending_path_;
    Cycle cycle_{};
    Machine machine_;
    Engine engine_;
    std::vector<Participant*> participants_{};
    std::deque<oracle::CycleReport> delivered_{};
    Announcement announcement_{};
    std::function<void(Cycle&)> unrecorded_{};
    bool answered_ = false;
    End end_ = End::none;
};

/// The outcome as the engine knows it: what did not leave is an error.
Result<Outcome> outcome_of(const oracle::CycleReport& report);

}  // namespace resume::agent
