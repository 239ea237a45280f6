// Rank unplug: takes the emulated disks and network cards away, so that only their paravirtual
// twins remain (xen/hvm/pvdrivers.h, docs/misc/hvm-emulated-unplug). HVM only; said again after
// every resume, since the new device model starts with them plugged.
#pragma once

#include "drivers/xen_guest/bugs.h"
#include "libresume/device.h"

namespace resume {
inline namespace v0 {

/// What to take away: the bits of the protocol's port 0x10.
enum class UnplugMask : uint16_t {
    none = 0,
    ide_disks = 1,
    nics = 2,
    aux_ide_disks = 4,
    nvme_disks = 8,
};
constexpr UnplugMask operator|(UnplugMask left, UnplugMask right) noexcept {
    return static_cast<UnplugMask>(static_cast<uint16_t>(left) | static_cast<uint16_t>(right));
}

class Unplug final : public Device {
  public:
    /// `what` none: nothing is asked (PVH has no such port).
    Unplug(Machine& machine, UnplugMask what) noexcept;

    /// Boot, CPU 0. unsupported when the magic is not there, denied when the host blacklists us:
    /// then nothing is unplugged, and the paravirtual twins must not be used.
    Result<> boot(BootContext& boot) noexcept;
    [[nodiscard]] bool unplugged() const noexcept { return unplugged_; }

  private:
    Result<> syscore_suspend(SyscoreContext&) noexcept;
    Result<> syscore_resume(SyscoreContext&, Outcome) noexcept;
    Result<> run_protocol() noexcept;
    static const DriverOps kOps;

    Machine& machine_;
    UnplugMask what_;
    bool unplugged_ = false;
};

}  // namespace v0
}  // namespace resume
