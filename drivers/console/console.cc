#include "drivers/console/console.h"

#include <xen/io/console.h>

#include "drivers/support/boot_code.h"
#include "drivers/support/emit.h"
#include "drivers/support/xen_result.h"

namespace resume {
inline namespace v0 {
namespace {

constexpr uint32_t kConsoleRing = 1;  // EventKind::ring_reset, arg32
constexpr uint32_t kOutSize = sizeof(xencons_interface::out);
constexpr uint32_t kInSize = sizeof(xencons_interface::in);

}  // namespace

constexpr DriverOps Console::kOps = {
    .driver = "console",
    .rank = SystemRank::other,
    .syscore_suspend = syscore_down<&Console::syscore_suspend>,
    .syscore_resume = syscore_up<&Console::syscore_resume>,
};

Console::Console(Machine& machine, EventChannels& events, Bugs bugs) noexcept
    : Device{kOps, "console"}, machine_{machine}, events_{events}, bugs_{bugs} {}

RESUME_BOOT_CODE Result<> Console::boot(BootContext&) noexcept {
    return connect();
}

Result<> Console::connect() noexcept {
    const Result<uint64_t> frame = hvm_param(machine_, HVM_PARAM_CONSOLE_PFN);
    const Result<uint64_t> port = hvm_param(machine_, HVM_PARAM_CONSOLE_EVTCHN);
    frame_ = 0;
    if (!frame.ok() || !port.ok()) {
        return frame.ok() ? port.error() : frame.error();
    }
    if (frame.value() == 0 || port.value() == 0 || port.value() >= EventChannels::kPorts) {
        return Errc::unsupported;
    }
    RESUME_TRY(events_.attach(channel_, static_cast<Port>(port.value())));
    frame_ = frame.value();
    return {};
}

uint32_t Console::write(const char* text, uint32_t size) noexcept {
    if (frame_ == 0) {
        dropped_ += size;
        return size;
    }
    auto& ring = *static_cast<xencons_interface*>(frame_address(machine_, frame_));
    const uint32_t consumed = __atomic_load_n(&ring.out_cons, __ATOMIC_ACQUIRE);
    uint32_t produced = __atomic_load_n(&ring.out_prod, __ATOMIC_RELAXED);
    if (produced - consumed > kOutSize) {
        // Not an index of this ring: nothing can be said to the other side.
        dropped_ += size;
        return size;
    }
    uint32_t done = 0;
    while (done < size && produced - consumed < kOutSize) {
        ring.out[produced % kOutSize] = text[done];
        ++produced;
        ++done;
    }
    __atomic_store_n(&ring.out_prod, produced, __ATOMIC_RELEASE);
    if (done != 0) {
        (void)events_.notify(channel_);
    }
    return done;
}

bool Console::write_all(const char* text, uint32_t size, Ticks deadline) noexcept {
    uint32_t done = write(text, size);
    while (done < size) {
        if (raw_counter(machine_) >= deadline) {
            dropped_ += size - done;
            return false;
        }
        wait_for_interrupt(machine_, deadline);
        done += write(text + done, size - done);
    }
    return true;
}

uint32_t Console::read(char* buffer, uint32_t size) noexcept {
    if (frame_ == 0) {
        return 0;
    }
    auto& ring = *static_cast<xencons_interface*>(frame_address(machine_, frame_));
    const uint32_t produced = __atomic_load_n(&ring.in_prod, __ATOMIC_ACQUIRE);
    uint32_t consumed = __atomic_load_n(&ring.in_cons, __ATOMIC_RELAXED);
    if (produced - consumed > kInSize) {
        return 0;
    }
    uint32_t done = 0;
    while (done < size && consumed != produced) {
        buffer[done] = ring.in[consumed % kInSize];
        ++consumed;
        ++done;
    }
    __atomic_store_n(&ring.in_cons, consumed, __ATOMIC_RELEASE);
    if (done != 0) {
        (void)events_.notify(channel_);
    }
    return done;
}

Result<> Console::syscore_suspend(SyscoreContext&) noexcept {
    return {};
}

Result<> Console::syscore_resume(SyscoreContext& context, Outcome outcome) noexcept {
    if (outcome != Outcome::resumed) {
        return {};
    }
    if (bugs_.has(Bug::stale_console_port)) {
        return {};
    }
    RESUME_TRY(connect());
    if (context.evidence() == DomainEvidence::fresh) {
        emit(machine_, id(), EventKind::ring_reset, kConsoleRing);
    }
    return {};
}

}  // namespace v0
}  // namespace resume
