#include "domain.h"

#include <poll.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>

namespace lab {
namespace {

struct Freer {
    void operator()(void* memory) const noexcept { std::free(memory); }
};

State state_of(const xc_dominfo_t& info) noexcept {
    if (info.crashed) {  // the library clears `shutdown` then
        return State::crashed;
    }
    if (!info.shutdown) {
        return State::running;
    }
    switch (info.shutdown_reason) {
        case SHUTDOWN_suspend:
            return State::suspended;
        case SHUTDOWN_reboot:
            return State::rebooting;
        case SHUTDOWN_poweroff:
            return State::powered_off;
        default:
            return State::crashed;
    }
}

}  // namespace

LabError errno_error(const std::string& what) {
    return LabError(what + ": " + strerror(errno));
}

const char* name_of(State state) noexcept {
    static constexpr const char* kNames[] = {"running",   "suspended",   "crashed",
                                             "rebooting", "powered-off", "gone"};
    return kNames[static_cast<size_t>(state)];
}

Domain::Domain(uint32_t domid)
    : domid_(domid), xc_(xc_interface_open(nullptr, nullptr, 0)), xs_(xs_open(0)) {
    if (!xc_) {
        throw errno_error("xc_interface_open");
    }
    if (!xs_) {
        throw errno_error("xs_open");
    }
    if (!xs_watch(xs_.get(), path("control/shutdown").c_str(), "control") ||
        !xs_watch(xs_.get(), "@releaseDomain", "released")) {
        throw errno_error("xs_watch");
    }
}

State Domain::state() const {
    xc_dominfo_t info{};
    const int found = xc_domain_getinfo(xc_.get(), domid_, 1, &info);
    if (found < 0) {
        throw errno_error("xc_domain_getinfo");
    }
    // The call gives the first domain with this id or a higher one.
    return found == 1 && info.domid == domid_ ? state_of(info) : State::gone;
}

std::string Domain::path(const std::string& node) const {
    return node.starts_with('/') ? node : "/local/domain/" + std::to_string(domid_) + "/" + node;
}

std::optional<std::string> Domain::read(const std::string& node) const {
    unsigned length = 0;
    const std::unique_ptr<void, Freer> value(
        xs_read(xs_.get(), XBT_NULL, path(node).c_str(), &length));
    if (!value) {
        return std::nullopt;
    }
    return std::string(static_cast<const char*>(value.get()), length);
}

void Domain::write(const std::string& node, const std::string& value) const {
    const auto length = static_cast<unsigned>(value.size());
    if (!xs_write(xs_.get(), XBT_NULL, path(node).c_str(), value.data(), length)) {
        throw errno_error("xs_write " + path(node));
    }
}

std::vector<std::string> Domain::list(const std::string& node) const {
    unsigned count = 0;
    const std::unique_ptr<char*, Freer> names(
        xs_directory(xs_.get(), XBT_NULL, path(node).c_str(), &count));
    if (!names) {
        return {};
    }
    return {names.get(), names.get() + count};
}

void Domain::wait_for_event(Clock::time_point until) const {
    // @releaseDomain can be lost to a toolstack that takes it first in the same connection, and
    // Xen's state has no event of its own: look again at least every 20 ms.
    const auto left = std::chrono::duration_cast<Milliseconds>(until - Clock::now());
    const auto slice = std::clamp(left, Milliseconds(0), Milliseconds(20));
    pollfd descriptor{xs_fileno(xs_.get()), POLLIN, 0};
    poll(&descriptor, 1, static_cast<int>(slice.count()));
    while (const std::unique_ptr<char*, Freer> event{xs_check_watch(xs_.get())}) {
    }
}

void Domain::resume(bool fast) const {
    if (xc_domain_resume(xc_.get(), domid_, fast ? 1 : 0) != 0) {
        throw errno_error("xc_domain_resume");
    }
    if (!xs_resume_domain(xs_.get(), domid_)) {
        throw errno_error("xs_resume_domain");
    }
}

}  // namespace lab
