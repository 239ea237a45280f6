// A device with every hook, each of which does what the test's script says, and a log of the calls.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "libresume/engine.h"
#include "tests/support/fake_machine.h"

namespace resume::test {

struct Call {
    Phase phase;
    const Device* device;
    std::optional<Outcome> outcome;  ///< on the way up
    Ticks begin;
    Ticks end = 0;  ///< 0 while it is pending
    Errc code = Errc::none;
};

/// Calls in the order of their beginning.
using CallLog = std::vector<Call>;

/// What one hook does: takes `delay` ticks by deferring when that is not 0, then ends with `code`.
struct Script {
    Errc code = Errc::none;
    Ticks delay = 0;
    Ticks busy = 0;  ///< ticks that the hook itself takes
    /// Replaces all of the above (thread phases only).
    std::function<Progress(ThreadContext&)> act{};
    /// Runs first, in any phase.
    std::function<void()> first{};
};

/// The name's memory: before the device in order of construction, since that keeps a pointer to it.
struct Name {
    std::string text;
};

class ScriptedDevice : private Name, public Device {
  public:
    /// With every hook that an ordinary device, or a system device of `rank`, can have.
    ScriptedDevice(CallLog& log, std::string name, SystemRank rank = SystemRank::none);
    /// With hooks in `suspend` and `resume` only.
    static const DriverOps& narrow_ops() noexcept;

    ScriptedDevice& on(Phase phase, Script script) {
        scripts_[phase] = std::move(script);
        return *this;
    }

  private:
    Progress thread(ThreadContext& context, std::optional<Outcome> outcome) noexcept;
    Result<> masked(Machine& machine, Phase phase, std::optional<Outcome> outcome) noexcept;

    Progress down(ThreadContext& c) noexcept { return thread(c, {}); }
    Progress up(ThreadContext& c, Outcome o) noexcept { return thread(c, o); }
    Result<> noirq_down(NoirqContext& c) noexcept;
    Result<> noirq_up(NoirqContext& c, Outcome o) noexcept;
    Result<> syscore_down(SyscoreContext& c) noexcept;
    Result<> syscore_up(SyscoreContext& c, Outcome o) noexcept;

    static const DriverOps kOps;
    static const DriverOps kNarrowOps;
    static const DriverOps kSystemOps[10];

    CallLog& log_;
    std::map<Phase, Script> scripts_;
};

/// "suspend:disk suspend:bus ...", for expectations that a person can read.
std::string text_of(const CallLog& log, std::optional<Phase> only = {});

}  // namespace resume::test
