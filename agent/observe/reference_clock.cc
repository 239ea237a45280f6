#include "agent/observe/reference_clock.h"

#include <fcntl.h>
#include <time.h>

namespace resume::agent {

namespace {

constexpr int64_t kSecond = 1'000'000'000;

int64_t realtime_ns() noexcept {
    timespec time{};
    ::clock_gettime(CLOCK_REALTIME, &time);
    return int64_t{time.tv_sec} * kSecond + time.tv_nsec;
}

/// FD_TO_CLOCKID of the kernel's documentation of dynamic clocks
/// (Documentation/driver-api/ptp.rst).
clockid_t clock_of(int fd) noexcept {
    return static_cast<clockid_t>((~static_cast<unsigned>(fd) << 3) | 3);
}

}  // namespace

ReferenceClock::ReferenceClock(const Root& root) {
    // Only the hypervisor's: a NIC's hardware clock says nothing about this guest's wall clock.
    for (int i = 0; i < 4 && type_ == Type::none; ++i) {
        const std::string number = std::to_string(i);
        const auto name = read_line(root("/sys/class/ptp/ptp" + number + "/clock_name"), 128);
        if (name && (name->find("KVM") != std::string::npos || *name == "hyperv")) {
            ptp_ = UniqueFd{::open(root("/dev/ptp" + number).c_str(), O_RDONLY | O_CLOEXEC)};
            type_ = ptp_.valid() ? Type::ptp : Type::none;
            name_ = *name;
        }
    }
    if (type_ == Type::none && read_number(root("/sys/class/rtc/rtc0/since_epoch"))) {
        type_ = Type::rtc;
        rtc_path_ = root("/sys/class/rtc/rtc0/since_epoch");
        name_ = read_line(root("/sys/class/rtc/rtc0/name"), 128).value_or("rtc0");
    }
}

std::optional<ReferenceClock::Reading> ReferenceClock::read() {
    if (type_ == Type::ptp) {
        timespec time{};
        if (::clock_gettime(clock_of(ptp_.get()), &time) != 0) {
            return std::nullopt;
        }
        const int64_t ns = int64_t{time.tv_sec} * kSecond + time.tv_nsec;
        return Reading{.lead_ns = ns - realtime_ns(), .error_ns = kSecond / 100};
    }
    if (type_ == Type::rtc) {
        const auto seconds = read_number(rtc_path_);
        if (!seconds || *seconds < 0 || *seconds > 40'000'000'000) {
            return std::nullopt;
        }
        // The RTC shows whole seconds: on average it is half a second further than it says.
        return Reading{.lead_ns = *seconds * kSecond + kSecond / 2 - realtime_ns(),
                       .error_ns = kSecond / 2};
    }
    return std::nullopt;
}

SourceState ReferenceClock::state() const {
    switch (type_) {
        case Type::ptp:
            return {.name = "ptp", .available = true, .detail = name_};
        case Type::rtc:
            return {.name = "rtc", .available = true, .detail = name_ + ", good to 1 s"};
        case Type::none:
            break;
    }
    return {.name = "rtc",
            .available = false,
            .detail = "neither a hypervisor's /dev/ptp nor /sys/class/rtc/rtc0"};
}

}  // namespace resume::agent
