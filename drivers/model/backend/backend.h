// The other end of xenbus: what the toolstack writes for a device, and the half of a backend that
// all kinds share. It follows Linux's xen-blkback and xen-netback where a guest can tell: a backend
// that is connected takes no notice of a frontend that publishes new rings (failure 53); one that
// was closed begins anew when its frontend goes to Initialising.
#pragma once

#include <xen/io/xenbus.h>

#include <functional>
#include <string>
#include <string_view>

#include "drivers/model/clock.h"
#include "drivers/model/fwd.h"
#include "libresume/terms.h"

namespace resume::model {

struct BackendConfig {
    std::string kind = "vbd";
    uint32_t handle = 51712;
    DomId domid = 0;                           ///< the domain that the backend runs in
    Nanoseconds latency = 200 * kMicrosecond;  ///< until it acts on what it sees in the store
    bool waits_for_frontend = true;            ///< false: it never gets to InitWait
    bool connects = true;                      ///< false: it never maps the rings
};

class Backend {
  public:
    Backend(Machine& machine, const BackendConfig& config);
    Backend(const Backend&) = delete;
    Backend& operator=(const Backend&) = delete;
    virtual ~Backend() = default;

    // The toolstack's acts.
    /// Fresh nodes on both sides for the domain that there is now.
    void plug();
    /// Asks the guest to let go (online 0, Closing).
    void unplug();
    /// The nodes of both sides vanish, whatever the guest says.
    void vanish();
    /// The same at once with another device in its place, in domain `domid`: what an impatient
    /// toolstack does when it builds a driver domain anew.
    void replace(DomId domid);
    /// The domain was destroyed or left: rings, grants and channels are gone.
    void domain_gone();
    /// A soft reset without new nodes: the backend goes on as if nothing had happened.
    bool replugs = true;
    /// The device is not there any more after the next restore.
    bool stays_behind = false;

    [[nodiscard]] xenbus_state state() const { return state_; }
    [[nodiscard]] bool connected() const { return state_ == XenbusStateConnected; }
    [[nodiscard]] uint32_t connects() const { return connects_; }
    /// What the next plug() will use.
    BackendConfig config;

  protected:
    virtual void publish_features() = 0;
    /// Reads the frontend's nodes and maps its rings; false when they are not right.
    virtual bool connect() = 0;
    /// Unmaps and forgets what is under way. `crash`: the domain is gone, nothing can be answered.
    virtual void disconnect(bool crash) = 0;
    /// netfront goes to Connected at once, blkfront to Initialised first.
    [[nodiscard]] virtual xenbus_state published_state() const = 0;
    [[nodiscard]] virtual uint32_t sort() const = 0;  ///< b of backend_connected

    /// The domain that it runs in since the last plug().
    [[nodiscard]] DomId domain() const { return now_.domid; }
    void offer(std::string_view name, uint64_t value);
    void offer_text(std::string_view name, const std::string& value);
    [[nodiscard]] uint64_t frontend_number(std::string_view name, uint64_t fallback) const;
    [[nodiscard]] std::string frontend_text(std::string_view name) const;
    std::byte* map(uint32_t reference, bool readonly);
    void unmap(uint32_t reference);
    void refuse(int32_t reason);
    /// Runs `act` later, unless the connection is another by then.
    void later(Nanoseconds delay, std::function<void()> act);
    [[nodiscard]] uint32_t epoch() const { return epoch_; }

    Machine& machine_;

  private:
    [[nodiscard]] const std::string& node_of(const std::string& end, std::string_view name) const;
    void set_state(xenbus_state state);
    void frontend_changed();
    void react();
    void let_go(bool crash);

    const std::string frontend_path_;
    std::string backend_path_;
    mutable std::string node_;  ///< a node's path, put together
    BackendConfig now_;
    xenbus_state state_ = XenbusStateUnknown;
    uint32_t epoch_ = 0;
    uint32_t connects_ = 0;
    bool plugged_ = false;
    bool mapped_ = false;  ///< it holds the frontend's rings
};

}  // namespace resume::model
