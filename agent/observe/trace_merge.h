// The steps of suspends come out of one buffer of the kernel; the same steps with the callbacks of
// devices between them out of another one, which may have overflowed. The two are told apart and
// matched here. Stamps of two buffers are not good for putting their lines in order: while a
// machine wakes up the kernel's boot clock falls behind for a moment (timekeeping.c,
// ktime_get_boot_fast_ns), and a CPU's buffer that an event fell into just then stamps what comes
// after it some milliseconds late.
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

/// A part of the devices' trace with the very same steps in it.
struct SameSteps {
    size_t begin = 0;
    size_t end = 0;
    /// It is the devices' buffer that stamps late: its CPUs do not agree with one another.
    bool late = false;
};
/// nullopt: not all of the steps are there.
std::optional<SameSteps> same_steps(std::string_view steps, std::string_view devices);

/// Length of the part of `devices` that is not later than `ns`.
size_t length_until(std::string_view devices, int64_t ns);

}  // namespace resume::agent
