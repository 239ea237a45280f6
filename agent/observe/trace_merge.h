// The steps of suspends and the callbacks of devices come out of two buffers of the kernel: one
// trace again, by their stamps.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace resume::agent {

/// Nanoseconds of a line of `suspend_resume` or `device_pm_callback_*`; nullopt for any other text.
std::optional<int64_t> stamp_of(std::string_view line);
/// That of the first line, or of the last one, that has one.
std::optional<int64_t> first_stamp(std::string_view trace);
std::optional<int64_t> last_stamp(std::string_view trace);

/// Both in one. Devices' lines without a stamp or from before the first step are left out, and so
/// is what the steps' buffer holds of devices that failed: the other one has it whole.
std::string merge_traces(std::string_view steps, std::string_view devices);

/// Length of the part of `devices` that is not later than `ns`.
size_t length_until(std::string_view devices, int64_t ns);

}  // namespace resume::agent
