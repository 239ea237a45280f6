// Can the machine sleep at all? ACPI's fixed events as the kernel reads them from the hardware, in
// /sys/firmware/acpi/interrupts: when every one of them is both enabled and set, the registers are
// not there any more (reads give all ones), and entering S3 returns at once without a sleep. Seen
// on QEMU's q35, whose firmware does not map them again after the first S3.
#pragma once

#include <optional>

#include "agent/base/files.h"
#include "agent/observe/source.h"

namespace resume::agent {

/// nullopt: no ACPI here, or not readable.
std::optional<bool> acpi_registers_gone(const Root& root);

SourceState state_of_acpi(std::optional<bool> gone);

}  // namespace resume::agent
