// Restore in place: what a restore leaves of a domain, without saving and loading its memory. The
// domain id, the incarnation and the system time stay, which a real restore changes.
#include "domain.h"

namespace lab {
namespace {

constexpr Milliseconds kBackendTimeout{10'000};

/// XenbusState of xen/io/xenbus.h, the few that are written here.
constexpr int kInitialising = 1;
constexpr int kInitWait = 2;
constexpr int kClosing = 5;
constexpr int kClosed = 6;

constexpr const char* kFrontendKinds[] = {"vbd", "vif"};

}  // namespace

/// Writes the frontend's state in the stopped guest's name and waits for the backend's answer.
void Domain::drive_frontend(const std::string& kind, const std::string& index, int state) const {
    const std::string front = "device/" + kind + "/" + index + "/state";
    const std::string back =
        "/local/domain/0/backend/" + kind + "/" + std::to_string(domid_) + "/" + index + "/state";
    const std::string wanted = std::to_string(state == kInitialising ? kInitWait : state);
    write(front, std::to_string(state));
    const auto deadline = Clock::now() + kBackendTimeout;
    while (read(back).value_or("") != wanted) {
        if (Clock::now() >= deadline) {
            throw LabError(back + " is " + read(back).value_or("absent") + ", wanted " + wanted);
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

void Domain::renew_channels(uint64_t store_gfn) const {
    // Xen gives the lowest free ports: store 1 and console 2, as at the domain's creation.
    const int store = xc_evtchn_alloc_unbound(xc_.get(), domid_, 0);
    const int console = xc_evtchn_alloc_unbound(xc_.get(), domid_, 0);
    if (store < 0 || console < 0) {
        throw errno_error("xc_evtchn_alloc_unbound");
    }
    if (xc_hvm_param_set(xc_.get(), domid_, HVM_PARAM_STORE_EVTCHN, static_cast<uint64_t>(store)) !=
            0 ||
        xc_hvm_param_set(xc_.get(), domid_, HVM_PARAM_CONSOLE_EVTCHN,
                         static_cast<uint64_t>(console)) != 0) {
        throw errno_error("xc_hvm_param_set");
    }
    if (!xs_introduce_domain(xs_.get(), domid_, store_gfn, static_cast<unsigned>(store))) {
        throw errno_error("xs_introduce_domain");
    }
    // xenconsoled binds a port anew only when the number in the store changes.
    write("console/port", "-1");
    wait_for_event(Clock::now() + Milliseconds(20));
    write("console/port", std::to_string(console));
}

void Domain::restore_in_place() const {
    if (xc_domain_pause(xc_.get(), domid_) != 0) {
        throw errno_error("xc_domain_pause");
    }
    close_frontends();
    uint64_t store_gfn = 0;
    if (xc_hvm_param_get(xc_.get(), domid_, HVM_PARAM_STORE_PFN, &store_gfn) != 0) {
        throw errno_error("xc_hvm_param_get STORE_PFN");
    }
    if (xc_domain_soft_reset(xc_.get(), domid_) != 0) {
        throw errno_error("xc_domain_soft_reset");
    }
    renew_channels(store_gfn);
    // Without it xenstored still takes the domain for a dead one, and the next suspend is never
    // announced by @releaseDomain.
    if (!xs_resume_domain(xs_.get(), domid_)) {
        throw errno_error("xs_resume_domain");
    }
    if (xc_domain_unpause(xc_.get(), domid_) != 0) {
        throw errno_error("xc_domain_unpause");
    }
}

}  // namespace lab
