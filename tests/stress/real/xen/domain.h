// One domain as the toolstack sees it: its store nodes, its state in Xen, and the three ways to let
// it go on after it has suspended.
#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "tests/stress/real/xen/hypercalls.h"

struct xs_handle;

namespace resume::stress::real {

using Clock = std::chrono::steady_clock;
using Milliseconds = std::chrono::milliseconds;

/// The domain with this name, or with this id when it is a number; nullopt: there is none.
/// Throws HostError when there is no xenstored.
std::optional<uint32_t> find_domain(const std::string& name_or_id);

/// Holds a connection to xenstored for one domain id. Not thread-safe.
class Domain {
  public:
    /// Watches the domain's control/shutdown, its agent's report and @releaseDomain.
    /// Throws HostError. The domain need not exist. `xen` must outlive it.
    Domain(uint32_t domid, Hypercalls& xen);

    [[nodiscard]] uint32_t domid() const noexcept { return domid_; }
    /// The domain's state as Xen has it now.
    [[nodiscard]] DomainState state() const { return xen_->state(domid_); }

    /// `node` is relative to /local/domain/DOMID unless it starts with '/'. No value when absent.
    [[nodiscard]] std::optional<std::string> read(const std::string& node) const;
    void write(const std::string& node, const std::string& value) const;
    /// Names below `node`; empty when absent.
    [[nodiscard]] std::vector<std::string> list(const std::string& node) const;

    /// Sleeps until a watch fires or `until`, whichever is first, and takes the events.
    void wait_for_event(Clock::time_point until) const;

    /// Hypercalls::resume, and xenstored is told.
    void resume(bool fast) const;

    /// Makes the suspended domain come back as after a restore, in place and with no memory saved:
    /// soft reset and new store and console channels. The domain id, the incarnation and the system
    /// time stay, which a real restore changes.
    void restore_in_place() const;
    /// Why that cannot be done with this domain; empty: it can.
    [[nodiscard]] std::string why_not_in_place() const;

    /// Both ends of all disks and interfaces.
    [[nodiscard]] bool all_connected() const;

  private:
    void close_frontends() const;
    void drive_frontend(const std::string& kind, const std::string& index, int state) const;
    [[nodiscard]] std::string path(const std::string& node) const;

    struct XsCloser {
        void operator()(xs_handle* handle) const noexcept;
    };
    uint32_t domid_;
    Hypercalls* xen_;
    std::unique_ptr<xs_handle, XsCloser> xs_;
};

}  // namespace resume::stress::real
