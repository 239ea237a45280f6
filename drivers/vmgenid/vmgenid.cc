#include "drivers/vmgenid/vmgenid.h"

#include "drivers/support/boot_code.h"
#include "drivers/support/emit.h"

namespace resume {
inline namespace v0 {
namespace {

// QEMU, docs/specs/fw_cfg.rst: selector and data port on x86; the selector is little-endian there.
constexpr uint16_t kSelectorPort = 0x510;
constexpr uint16_t kDataPort = 0x511;
constexpr uint16_t kUuidKey = 2;

}  // namespace

const char* name_of(Descent descent) noexcept {
    switch (descent) {
        case Descent::same:
            return "same";
        case Descent::snapshot:
            return "snapshot";
        case Descent::clone:
            return "clone";
    }
    return "?";
}

constexpr DriverOps Vmgenid::kOps = {
    .driver = "vmgenid",
    .suspend = thread_down<&Vmgenid::suspend>,
    .resume = thread_up<&Vmgenid::resume>,
};

Vmgenid::Vmgenid(Machine& machine, IrqLines& lines, const VmgenidConfig& config, Bugs bugs) noexcept
    : Device{kOps, "vmgenid"}, machine_{machine}, lines_{lines}, config_{config}, bugs_{bugs} {}

RESUME_BOOT_CODE Result<> Vmgenid::boot(BootContext& boot) noexcept {
    if (config_.shown == nullptr) {
        return {};
    }
    known_ = read_id();
    uuid_ = read_uuid();
    line_.argument = this;
    line_.owner = this;
    line_.handler = [](void* self) noexcept { static_cast<Vmgenid*>(self)->notified_ = true; };
    return lines_.attach(boot, line_);
}

Vmgenid::Uuid Vmgenid::read_uuid() noexcept {
    Uuid uuid;
    write_port(machine_, kSelectorPort, kUuidKey, 2);
    for (uint8_t& byte : uuid.bytes) {
        byte = static_cast<uint8_t>(read_port(machine_, kDataPort, 1));
    }
    return uuid;
}

GenerationId Vmgenid::read_id() const noexcept {
    return {__atomic_load_n(&config_.shown->low, __ATOMIC_RELAXED),
            __atomic_load_n(&config_.shown->high, __ATOMIC_RELAXED)};
}

Result<Descent> Vmgenid::look(bool interrupted) noexcept {
    if (config_.shown == nullptr || bugs_.has(Bug::generation_ignored)) {
        return Descent::same;
    }
    notified_ = false;
    const GenerationId id = read_id();
    const bool another = !(id == known_);
    if (another || interrupted) {
        emit(machine_, this->id(), EventKind::generation_seen, another ? 1 : 0, id.low);
    }
    if (!another && !(interrupted && bugs_.has(Bug::reseed_always))) {
        return Descent::same;
    }
    if (config_.reseed != nullptr) {
        const Result<> taken = config_.reseed(config_.argument, id);
        emit(machine_, this->id(), EventKind::reseeded, 0, id.low,
             taken.ok() ? 0 : static_cast<int32_t>(taken.error().code));
        RESUME_TRY(taken);
        ++reseeds_;
    }
    known_ = id;
    const Uuid before = uuid_;
    uuid_ = read_uuid();
    return uuid_ == before ? Descent::snapshot : Descent::clone;
}

Progress Vmgenid::suspend(ThreadContext&) noexcept {
    return Progress::done();
}

/// An image may have been loaded twice, and nobody notifies what was not running.
Progress Vmgenid::resume(ThreadContext&, Outcome outcome) noexcept {
    if (outcome != Outcome::resumed) {
        return Progress::done();
    }
    const Result<Descent> found = look(true);
    return found.ok() ? Progress::done() : Progress{found.error().code, found.error().detail};
}

}  // namespace v0
}  // namespace resume
