#include "agent/observe/acpi_events.h"

namespace resume::agent {

std::optional<bool> acpi_registers_gone(const Root& root) {
    // ff_pmtimer is left out: its status bit is set every few seconds on a healthy machine.
    for (const char* event : {"gbl_lock", "pwr_btn", "rt_clk", "slp_btn"}) {
        const auto line =
            read_line(root(std::string{"/sys/firmware/acpi/interrupts/ff_"} + event), 128);
        if (!line) {
            return std::nullopt;
        }
        // "       0  EN STS enabled      unmasked"
        if (line->find(" EN ") == std::string::npos || line->find(" STS ") == std::string::npos) {
            return false;
        }
    }
    return true;
}

SourceState state_of_acpi(std::optional<bool> gone) {
    return {.name = "acpi",
            .available = gone.has_value(),
            .detail = !gone.has_value() ? "no /sys/firmware/acpi/interrupts"
                      : *gone ? "the registers of the fixed events read all ones: S3 cannot sleep"
                              : "the registers of the fixed events are there"};
}

}  // namespace resume::agent
