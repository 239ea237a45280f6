#include "tests/stress/real/xen/domain.h"

#include <poll.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>

extern "C" {
#include <xenstore.h>
}

namespace resume::stress::real {

namespace {

constexpr const char* kConnected = "4";  // XenbusState of xen/io/xenbus.h
constexpr const char* kDomains = "/local/domain";

struct Freer {
    void operator()(void* memory) const noexcept { std::free(memory); }
};

std::optional<std::string> value_at(xs_handle* store, const std::string& path) {
    unsigned length = 0;
    const std::unique_ptr<void, Freer> value(xs_read(store, XBT_NULL, path.c_str(), &length));
    if (!value) {
        return std::nullopt;
    }
    return std::string(static_cast<const char*>(value.get()), length);
}

std::vector<std::string> names_at(xs_handle* store, const std::string& path) {
    unsigned count = 0;
    const std::unique_ptr<char*, Freer> names(xs_directory(store, XBT_NULL, path.c_str(), &count));
    if (!names) {
        return {};
    }
    return {names.get(), names.get() + count};
}

}  // namespace

HostError errno_error(const std::string& what) {
    return HostError(what + ": " + strerror(errno));
}

const char* name_of(DomainState state) noexcept {
    static constexpr const char* kNames[] = {"running",   "suspended",   "crashed",
                                             "rebooting", "powered-off", "gone"};
    return kNames[static_cast<size_t>(state)];
}

void Domain::XsCloser::operator()(xs_handle* handle) const noexcept {
    xs_close(handle);
}

std::optional<uint32_t> find_domain(const std::string& name_or_id) {
    struct Closer {
        void operator()(xs_handle* handle) const noexcept { xs_close(handle); }
    };
    const std::unique_ptr<xs_handle, Closer> store{xs_open(0)};
    if (!store) {
        throw errno_error("xs_open");
    }
    for (const std::string& id : names_at(store.get(), kDomains)) {
        if (id == name_or_id ||
            value_at(store.get(), std::string{kDomains} + "/" + id + "/name") == name_or_id) {
            return static_cast<uint32_t>(std::strtoul(id.c_str(), nullptr, 10));
        }
    }
    return std::nullopt;
}

Domain::Domain(uint32_t domid, Hypercalls& xen) : domid_(domid), xen_(&xen), xs_(xs_open(0)) {
    if (!xs_) {
        throw errno_error("xs_open");
    }
    if (!xs_watch(xs_.get(), path("control/shutdown").c_str(), "control") ||
        !xs_watch(xs_.get(), path("data/resume/last").c_str(), "report") ||
        !xs_watch(xs_.get(), "@releaseDomain", "released")) {
        throw errno_error("xs_watch");
    }
}

std::string Domain::path(const std::string& node) const {
    return node.starts_with('/')
               ? node
               : std::string{kDomains} + "/" + std::to_string(domid_) + "/" + node;
}

std::optional<std::string> Domain::read(const std::string& node) const {
    return value_at(xs_.get(), path(node));
}

void Domain::write(const std::string& node, const std::string& value) const {
    const auto length = static_cast<unsigned>(value.size());
    if (!xs_write(xs_.get(), XBT_NULL, path(node).c_str(), value.data(), length)) {
        throw errno_error("xs_write " + path(node));
    }
}

std::vector<std::string> Domain::list(const std::string& node) const {
    return names_at(xs_.get(), path(node));
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
    xen_->resume(domid_, fast);
    xen_->tell_store_resumed(domid_);
}

bool Domain::all_connected() const {
    for (const char* kind : {"vbd", "vif"}) {
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

}  // namespace resume::stress::real
