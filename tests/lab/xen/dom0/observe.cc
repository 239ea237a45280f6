// What dom0 sees of a guest that comes back: when both ends of all its devices are connected, and
// when the first request reaches a disk's backend. The same eyes for every guest.
#include <cstdio>
#include <thread>

#include "domain.h"

namespace lab {
namespace {

constexpr const char* kKinds[] = {"vbd", "vif"};
constexpr const char* kConnected = "4";
constexpr const char* kDevices = "/sys/bus/xen-backend/devices";
constexpr const char* kCounters[] = {"rd_req", "wr_req", "f_req"};

uint64_t number_in(const std::string& path) {
    unsigned long long number = 0;
    if (FILE* file = fopen(path.c_str(), "re"); file != nullptr) {
        if (fscanf(file, "%llu", &number) != 1) {
            number = 0;
        }
        fclose(file);
    }
    return number;
}

}  // namespace

bool Domain::all_connected() const {
    for (const char* kind : kKinds) {
        for (const std::string& index : list(std::string("device/") + kind)) {
            const std::string front = std::string("device/") + kind + "/" + index;
            const auto back = read(front + "/backend");
            if (!back || read(front + "/state") != kConnected ||
                read(*back + "/state") != kConnected) {
                return false;
            }
        }
    }
    return true;
}

uint64_t Domain::disk_requests() const {
    uint64_t count = 0;
    for (const std::string& index : list("device/vbd")) {
        const std::string device =
            std::string(kDevices) + "/vbd-" + std::to_string(domid_) + "-" + index + "/statistics/";
        for (const char* counter : kCounters) {
            count += number_in(device + counter);
        }
    }
    return count;
}

Return Domain::watch_return(Clock::time_point since, Clock::time_point until) const {
    Return seen;
    const auto passed = [since] {
        return std::chrono::duration<double, std::milli>(Clock::now() - since).count();
    };
    while ((seen.connected_ms < 0 || seen.request_ms < 0) && Clock::now() < until) {
        // A backend that was closed counts from 0.
        if (seen.request_ms < 0 && disk_requests() > 0) {
            seen.request_ms = passed();
        }
        if (seen.connected_ms < 0 && all_connected()) {
            seen.connected_ms = passed();
        }
        std::this_thread::sleep_for(Milliseconds(1));
    }
    return seen;
}

}  // namespace lab
