// The example's driver: rings a bell in another domain, by an event channel that the other end
// binds whenever it likes. A ring that nobody could hear is kept until there is a channel again.
#pragma once

#include "drivers/xen_guest/xen_guest.h"

class Doorbell final : public resume::Device {
  public:
    Doorbell(resume::Machine& machine, resume::DomId other) noexcept;

    // Thread context, CPU 0, not in mid-cycle.
    /// After it was added to the guest.
    resume::Result<> connect() noexcept;
    /// Before it is removed.
    void disconnect() noexcept;

    /// Thread context, any time: at once, or when the guest is up again.
    resume::Result<> ring() noexcept;

  private:
    resume::Progress suspend(resume::ThreadContext&) noexcept;
    resume::Progress resume(resume::ThreadContext&, resume::Outcome outcome) noexcept;
    resume::Result<> send() noexcept;
    static const resume::DriverOps kOps;

    resume::Machine& machine_;
    resume::DomId other_;
    resume::Port port_ = 0;
    bool quiet_ = false;  ///< between the suspend hook and its mirror
    bool wanted_ = false;
};
