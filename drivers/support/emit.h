// What a driver alone knows, written into the trace in its own name (Witness::driver). Any context.
#pragma once

#include "libresume/platform/machine.h"

namespace resume {
inline namespace v0 {

/// `device` is the id of the driver that speaks; kNoDevice before it is registered.
inline void emit(Machine& machine, DeviceId device, EventKind kind, uint32_t a = 0, uint64_t b = 0,
                 int32_t status = 0) noexcept {
    trace_of(machine).write({.ticks = raw_counter(machine),
                             .arg64 = b,
                             .arg32 = a,
                             .status = status,
                             .device = device,
                             .kind = kind,
                             .phase = Phase::none,
                             .witness = Witness::driver,
                             .cpu = static_cast<uint8_t>(current_cpu(machine))});
}

}  // namespace v0
}  // namespace resume
