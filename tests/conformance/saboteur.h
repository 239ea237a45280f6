// Devices that refuse where they are told to, so that everybody else has to unwind.
#pragma once

#include "libresume/device.h"

namespace resume::conformance {

/// An ordinary device with every hook; refuses the one named, once.
class Saboteur final : public Device {
  public:
    explicit Saboteur(Phase refuses) noexcept;

  private:
    Errc answer(Phase phase) noexcept;
    Progress prepare(ThreadContext&) noexcept;
    Progress suspend(ThreadContext&) noexcept;
    Progress suspend_late(ThreadContext&) noexcept;
    Result<> suspend_noirq(NoirqContext&) noexcept;
    Result<> resume_noirq(NoirqContext&, Outcome) noexcept;
    Progress up(ThreadContext&, Outcome) noexcept;
    static const DriverOps kOps;

    Phase refuses_;
};

/// Goes down after every other system device, and refuses: all of them have to come back.
class SystemSaboteur final : public Device {
  public:
    SystemSaboteur() noexcept;

  private:
    Result<> down(SyscoreContext&) noexcept;
    Result<> up(SyscoreContext&, Outcome) noexcept;
    static const DriverOps kOps;
};

}  // namespace resume::conformance
