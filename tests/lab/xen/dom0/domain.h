// One domain as the toolstack sees it: its store nodes, its state in Xen, and the three ways to let
// it go on after it has suspended. For the lab's dom0 only.
#pragma once

#include <algorithm>
#include <chrono>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

#include "xen_api.h"

namespace lab {

using Clock = std::chrono::steady_clock;
using Milliseconds = std::chrono::milliseconds;

/// Something that the lab itself could not do (open, write, hypercall); names the call and errno.
struct LabError : std::runtime_error {
    using std::runtime_error::runtime_error;
};

/// A LabError for the call `what` with errno's text; call it before anything else touches errno.
[[nodiscard]] LabError errno_error(const std::string& what);

/// What Xen says of a domain (XEN_DOMCTL_getdomaininfo).
enum class State { running, suspended, crashed, rebooting, powered_off, gone };
const char* name_of(State state) noexcept;

struct XcCloser {
    void operator()(xc_interface* handle) const noexcept { xc_interface_close(handle); }
};
struct XsCloser {
    void operator()(xs_handle* handle) const noexcept { xs_close(handle); }
};

/// How a guest came back, in ms; -1 = not seen.
struct Return {
    double connected_ms = -1;  ///< both ends of every device of its are connected
    double request_ms = -1;    ///< the first request reached the backend of a disk
};

/// Holds libxenctrl's and libxenstore's handles for one domain id. Not thread-safe.
class Domain {
  public:
    /// Opens both handles and watches the domain's control/shutdown and @releaseDomain.
    /// Throws LabError. The domain need not exist.
    explicit Domain(uint32_t domid);

    [[nodiscard]] uint32_t domid() const noexcept { return domid_; }
    /// The domain's state as Xen has it now.
    [[nodiscard]] State state() const;

    /// `node` is relative to /local/domain/DOMID unless it starts with '/'. No value when absent.
    [[nodiscard]] std::optional<std::string> read(const std::string& node) const;
    void write(const std::string& node, const std::string& value) const;
    /// Names below `node`; empty when absent.
    [[nodiscard]] std::vector<std::string> list(const std::string& node) const;

    /// Sleeps until a watch fires or `until`, whichever is first, and takes the events.
    void wait_for_event(Clock::time_point until) const;

    /// xc_domain_resume: `fast` makes the guest's hypercall return 1, else it returns 0 in the same
    /// domain. Then xenstored is told, or the next suspend would never be noticed.
    void resume(bool fast) const;

    /// Makes the suspended domain come back as after a restore, in place and with no memory saved:
    /// soft reset (XEN_DOMCTL_soft_reset) and new store and console channels. Only HVM and PVH.
    void restore_in_place() const;

    /// Looks until both have been seen or the time is `until`. For a domain whose backends were
    /// closed meanwhile, as restore_in_place() does.
    [[nodiscard]] Return watch_return(Clock::time_point since, Clock::time_point until) const;

  private:
    [[nodiscard]] bool all_connected() const;
    [[nodiscard]] uint64_t disk_requests() const;
    void close_frontends() const;
    void drive_frontend(const std::string& kind, const std::string& index, int state) const;
    void renew_channels(uint64_t store_gfn) const;
    [[nodiscard]] std::string path(const std::string& node) const;

    uint32_t domid_;
    std::unique_ptr<xc_interface, XcCloser> xc_;
    std::unique_ptr<xs_handle, XsCloser> xs_;
};

}  // namespace lab
