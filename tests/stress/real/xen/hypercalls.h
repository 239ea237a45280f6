// What a Xen host does to a domain, and nothing that a store can say: behind an interface, so that
// the order of it is tested without Xen.
#pragma once

#include <cstdint>
#include <memory>
#include <stdexcept>
#include <string>

namespace resume::stress::real {

/// Something that the host could not do (open, write, hypercall); names the call and errno.
struct HostError : std::runtime_error {
    using std::runtime_error::runtime_error;
};

/// A HostError for the call `what` with errno's text; call it before anything else touches errno.
[[nodiscard]] HostError errno_error(const std::string& what);

/// What Xen says of a domain (XEN_DOMCTL_getdomaininfo).
enum class DomainState : uint8_t { running, suspended, crashed, rebooting, powered_off, gone };
const char* name_of(DomainState state) noexcept;

/// Each throws HostError.
class Hypercalls {
  public:
    virtual ~Hypercalls() = default;

    virtual DomainState state(uint32_t domid) = 0;
    /// Translated memory: PVH or HVM.
    virtual bool is_hvm(uint32_t domid) = 0;
    /// xc_domain_resume: `fast` makes the guest's hypercall return 1, else it returns 0 in the same
    /// domain, with nothing lost.
    virtual void resume(uint32_t domid, bool fast) = 0;
    virtual void pause(uint32_t domid) = 0;
    virtual void unpause(uint32_t domid) = 0;
    /// XEN_DOMCTL_soft_reset: vcpu_info, event channels and grants are as in a new domain.
    virtual void soft_reset(uint32_t domid) = 0;
    /// Channels for store and console, the lowest free ports as at the domain's creation, told to
    /// the guest by its parameters and to xenstored; returns the console's.
    virtual uint32_t renew_channels(uint32_t domid) = 0;
    /// xs_resume_domain: without it xenstored takes the domain for a dead one, and its next suspend
    /// is never announced by @releaseDomain.
    virtual void tell_store_resumed(uint32_t domid) = 0;
};

/// Of the Xen that this program is dom0 of (libxenctrl, libxenguest). Throws HostError.
std::unique_ptr<Hypercalls> xen_hypercalls();

}  // namespace resume::stress::real
