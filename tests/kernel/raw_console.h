// The PV console without a driver: for boot, where there is none yet, and for panic, where it may
// be what broke. Asks Xen for page and port each time, so it survives a restore.
#pragma once

#include <stdint.h>

namespace kernel {

/// Writes all of it, waiting for the host to read; drops the rest when the host has not read for
/// two seconds. Any context.
void raw_console_write(const char* data, uint32_t size) noexcept;

}  // namespace kernel
