// Restore in place: what a restore leaves of a domain, without saving and loading its memory.
#include "tests/stress/real/xen/domain.h"

namespace resume::stress::real {

namespace {

constexpr Milliseconds kBackendTimeout{10'000};

/// XenbusState of xen/io/xenbus.h, the few that are written here.
constexpr int kInitialising = 1;
constexpr int kInitWait = 2;
constexpr int kClosing = 5;
constexpr int kClosed = 6;

constexpr const char* kFrontendKinds[] = {"vbd", "vif"};
constexpr const char* kSuspendChannel = "suspend";  // no device: libxl's way to ask for a suspend

}  // namespace

/// Writes the frontend's state in the stopped guest's name and waits for the backend's answer.
void Domain::drive_frontend(const std::string& kind, const std::string& index, int state) const {
    const std::string front = "device/" + kind + "/" + index;
    const auto backend = read(front + "/backend");
    if (!backend) {
        throw HostError(path(front) + " names no backend");
    }
    const std::string back = *backend + "/state";
    const std::string wanted = std::to_string(state == kInitialising ? kInitWait : state);
    write(front + "/state", std::to_string(state));
    const auto deadline = Clock::now() + kBackendTimeout;
    while (read(back).value_or("") != wanted) {
        if (Clock::now() >= deadline) {
            throw HostError(back + " is " + read(back).value_or("absent") + ", wanted " + wanted);
        }
        wait_for_event(Clock::now() + Milliseconds(2));
    }
}

/// Backends hold grants and channels of the guest as it was: they must let go before the reset, and
/// wait for a frontend that starts anew.
void Domain::close_frontends() const {
    for (const int state : {kClosing, kClosed, kInitialising}) {
        for (const char* kind : kFrontendKinds) {
            for (const std::string& index : list(std::string("device/") + kind)) {
                drive_frontend(kind, index, state);
            }
        }
    }
}

std::string Domain::why_not_in_place() const {
    if (!xen_->is_hvm(domid_)) {
        return "a PV domain: Xen resets PVH and HVM ones only";
    }
    if (read("/local/domain/0/device-model/" + std::to_string(domid_) + "/state")) {
        return "it has a device model, which would have to begin anew too";
    }
    for (const std::string& kind : list("device")) {
        if (kind != kFrontendKinds[0] && kind != kFrontendKinds[1] && kind != kSuspendChannel &&
            !list("device/" + kind).empty()) {
            return "a device of kind " + kind + ": only vbd and vif are known here";
        }
    }
    return {};
}

void Domain::restore_in_place() const {
    xen_->pause(domid_);
    close_frontends();
    xen_->soft_reset(domid_);
    const uint32_t console = xen_->renew_channels(domid_);
    // xenconsoled binds a port anew only when the number in the store changes.
    write("console/port", "-1");
    wait_for_event(Clock::now() + Milliseconds(20));
    write("console/port", std::to_string(console));
    xen_->tell_store_resumed(domid_);
    xen_->unpause(domid_);
}

}  // namespace resume::stress::real
