// How a driver declares its hooks: an ordinary class, and one constexpr table of them with
// designated initialisers (Linux's dev_pm_ops habit). No virtual functions, no registration by
// static constructor. Example:
//
//   class Blkfront final : public Device {
//     public:
//       Blkfront() noexcept;
//     private:
//       Progress suspend(ThreadContext&) noexcept;
//       Progress resume(ThreadContext&, Outcome) noexcept;
//       static const DriverOps kOps;
//   };
//   // in the .cc file, where the class is complete:
//   constexpr DriverOps Blkfront::kOps = {
//       .driver = "blkfront",
//       .suspend = thread_down<&Blkfront::suspend>,
//       .resume = thread_up<&Blkfront::resume>,
//   };
//   Blkfront::Blkfront() noexcept : Device{kOps, "vbd-51712"} {}
//
// Each hook needs its mirror and must be noexcept; a table without them does not compile.
#pragma once

#include "libresume/context.h"

namespace resume {
inline namespace v0 {

class Device;

using ThreadDownHook = Progress (*)(Device&, ThreadContext&) noexcept;
using ThreadUpHook = Progress (*)(Device&, ThreadContext&, Outcome) noexcept;
using NoirqDownHook = Result<> (*)(Device&, NoirqContext&) noexcept;
using NoirqUpHook = Result<> (*)(Device&, NoirqContext&, Outcome) noexcept;
using SyscoreDownHook = Result<> (*)(Device&, SyscoreContext&) noexcept;
using SyscoreUpHook = Result<> (*)(Device&, SyscoreContext&, Outcome) noexcept;

/// A driver's hooks. An absent pair means: nothing to do in that phase.
struct DriverOps {
    const char* driver = nullptr;
    SystemRank rank = SystemRank::none;
    /// Deadline of each deferred hook and measure of each synchronous one; 0 = the engine's
    /// default.
    uint32_t deadline_ms = 0;

    ThreadDownHook prepare = nullptr;
    ThreadDownHook suspend = nullptr;
    ThreadDownHook suspend_late = nullptr;
    NoirqDownHook suspend_noirq = nullptr;
    SyscoreDownHook syscore_suspend = nullptr;

    SyscoreUpHook syscore_resume = nullptr;
    NoirqUpHook resume_noirq = nullptr;
    ThreadUpHook resume_early = nullptr;
    ThreadUpHook resume = nullptr;
    ThreadUpHook complete = nullptr;
};

/// Adapters from member functions to table entries; a hook that is not noexcept does not fit.
template <auto Hook>
struct HookOwner;
template <class D, class... Args, class R, R (D::*Hook)(Args...) noexcept>
struct HookOwner<Hook> {
    using type = D;
};
// NOLINTBEGIN(bugprone-dynamic-static-initializers): constexpr, which the check does not see in a
// template.
template <auto Hook>
inline constexpr ThreadDownHook thread_down = [](Device& d, ThreadContext& c) noexcept -> Progress {
    return (static_cast<typename HookOwner<Hook>::type&>(d).*Hook)(c);
};
template <auto Hook>
inline constexpr ThreadUpHook thread_up =
    [](Device& d, ThreadContext& c, Outcome o) noexcept -> Progress {
    return (static_cast<typename HookOwner<Hook>::type&>(d).*Hook)(c, o);
};
template <auto Hook>
inline constexpr NoirqDownHook noirq_down = [](Device& d, NoirqContext& c) noexcept -> Result<> {
    return (static_cast<typename HookOwner<Hook>::type&>(d).*Hook)(c);
};
template <auto Hook>
inline constexpr NoirqUpHook noirq_up =
    [](Device& d, NoirqContext& c, Outcome o) noexcept -> Result<> {
    return (static_cast<typename HookOwner<Hook>::type&>(d).*Hook)(c, o);
};
template <auto Hook>
inline constexpr SyscoreDownHook syscore_down =
    [](Device& d, SyscoreContext& c) noexcept -> Result<> {
    return (static_cast<typename HookOwner<Hook>::type&>(d).*Hook)(c);
};
template <auto Hook>
inline constexpr SyscoreUpHook syscore_up =
    [](Device& d, SyscoreContext& c, Outcome o) noexcept -> Result<> {
    return (static_cast<typename HookOwner<Hook>::type&>(d).*Hook)(c, o);
};
// NOLINTEND(bugprone-dynamic-static-initializers)

/// Each hook with its mirror; syscore hooks only for a system device, and a system device has no
/// noirq hooks (its rank is its place).
consteval bool mirrored(const DriverOps& ops) {
    return (ops.prepare == nullptr) == (ops.complete == nullptr) &&
           (ops.suspend == nullptr) == (ops.resume == nullptr) &&
           (ops.suspend_late == nullptr) == (ops.resume_early == nullptr) &&
           (ops.suspend_noirq == nullptr) == (ops.resume_noirq == nullptr) &&
           (ops.syscore_suspend == nullptr) == (ops.syscore_resume == nullptr);
}
consteval bool placed(const DriverOps& ops) {
    return ops.driver != nullptr &&
           (ops.rank != SystemRank::none || ops.syscore_suspend == nullptr) &&
           (ops.rank == SystemRank::none || ops.suspend_noirq == nullptr);
}

void each_suspend_hook_needs_its_mirrored_resume_hook();  // never defined: its name is the message
void syscore_hooks_are_for_system_devices_and_only_those();  // likewise

/// A table that was checked at compile time. Converts from a constexpr DriverOps only.
class CheckedOps {
  public:
    consteval CheckedOps(const DriverOps& ops) : ops_{&ops} {
        if (!mirrored(ops)) {
            each_suspend_hook_needs_its_mirrored_resume_hook();
        }
        if (!placed(ops)) {
            syscore_hooks_are_for_system_devices_and_only_those();
        }
    }
    [[nodiscard]] constexpr const DriverOps& get() const noexcept { return *ops_; }

    /// For the mutation tests only: a table that is broken on purpose.
    struct Unchecked {
        const DriverOps& ops;
    };
    explicit constexpr CheckedOps(Unchecked unchecked) noexcept : ops_{&unchecked.ops} {}

  private:
    const DriverOps* ops_;
};

}  // namespace v0
}  // namespace resume
