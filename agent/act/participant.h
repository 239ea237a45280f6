// A thing of user space that goes down before a suspend and comes up after it, in the engine's
// order: the clock, links, file systems, disks, hooks, clients.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "libresume/device.h"
#include "libresume/oracle/cycle_report.h"

namespace resume::agent {

/// What every participant of a running cycle knows.
struct Cycle {
    bool announced = false;           ///< somebody told us before
    std::string id{};                 ///< of the announcement; the report has its own
    std::string kind{};               ///< as announced, then as seen
    uint32_t deadline_ms = 0;         ///< of the announcer, for the whole way down
    bool freeze = false;              ///< file systems were asked to be frozen
    std::string refused_by{};         ///< who vetoed, for the answer
    bool recorded = false;            ///< the report is written down
    std::vector<std::string> late{};  ///< who was not ready in time; the way down went on
    oracle::CycleReport report{};     ///< on the way up: what happened
};

class Participant : public Device {
  public:
    /// Finishes the hook; may be called later, from the event loop, once.
    using Done = std::function<void(Errc code)>;

  protected:
    enum class Pace { quick, slow };
    /// `name` and `cycle` outlive it. `quick`: ten seconds; `slow`: as long as a row of hooks.
    Participant(Cycle& cycle, const char* name, Pace pace) noexcept;
    virtual ~Participant() = default;

    /// Only called when the cycle was announced. An error refuses the suspend.
    virtual void before(Done done) { done(Errc::none); }
    /// Called after every before, and without one when nobody announced. Errors are recorded.
    virtual void after(Outcome outcome, Done done) = 0;

    [[nodiscard]] Cycle& cycle() noexcept { return cycle_; }
    void add_check(std::string id, std::string status, std::string detail);

  private:
    Progress suspend(ThreadContext& context) noexcept;
    Progress resume(ThreadContext& context, Outcome outcome) noexcept;
    /// Runs `hook` with a Done that completes the device's slot.
    Progress run(ThreadContext& context, const std::function<void(Done)>& hook) noexcept;
    static CheckedOps ops_of(Pace pace) noexcept;
    static const DriverOps kQuick;
    static const DriverOps kSlow;

    Cycle& cycle_;
};

}  // namespace resume::agent
