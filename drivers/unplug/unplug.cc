#include "drivers/unplug/unplug.h"

#include "drivers/support/boot_code.h"
#include "drivers/support/emit.h"

namespace resume {
inline namespace v0 {
namespace {

// docs/misc/hvm-emulated-unplug.pandoc. The product number of drivers that are not registered
// (xen/hvm/pvdrivers.h: experimental).
constexpr uint16_t kPort = 0x10;
constexpr uint16_t kVersionPort = 0x12;
constexpr uint32_t kMagic = 0x49d2;
constexpr uint32_t kProduct = 0xffff;
constexpr uint32_t kBuild = 1;

}  // namespace

constexpr DriverOps Unplug::kOps = {
    .driver = "unplug",
    .rank = SystemRank::unplug,
    .syscore_suspend = syscore_down<&Unplug::syscore_suspend>,
    .syscore_resume = syscore_up<&Unplug::syscore_resume>,
};

Unplug::Unplug(Machine& machine, UnplugMask what) noexcept
    : Device{kOps, "unplug"}, machine_{machine}, what_{what} {}

RESUME_BOOT_CODE Result<> Unplug::boot(BootContext&) noexcept {
    return run_protocol();
}

Result<> Unplug::run_protocol() noexcept {
    unplugged_ = false;
    if (what_ == UnplugMask::none) {
        return {};
    }
    if (read_port(machine_, kPort, 2) != kMagic) {
        return Errc::unsupported;
    }
    // Version 0 knows no blacklist; later ones want to know who asks, and show the magic no longer
    // to whom they refuse.
    if (read_port(machine_, kVersionPort, 1) >= 1) {
        write_port(machine_, kVersionPort, kProduct, 2);
        write_port(machine_, kPort, kBuild, 4);
        if (read_port(machine_, kPort, 2) != kMagic) {
            return Errc::denied;
        }
    }
    write_port(machine_, kPort, static_cast<uint16_t>(what_), 2);
    unplugged_ = true;
    emit(machine_, id(), EventKind::unplugged, static_cast<uint16_t>(what_));
    return {};
}

Result<> Unplug::syscore_suspend(SyscoreContext&) noexcept {
    return {};
}

/// The device model of a fresh domain starts with everything plugged; one that lives on shrugs.
Result<> Unplug::syscore_resume(SyscoreContext&, Outcome outcome) noexcept {
    return outcome == Outcome::resumed ? run_protocol() : Result<>{};
}

}  // namespace v0
}  // namespace resume
