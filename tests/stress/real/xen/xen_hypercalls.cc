// The real ones.
#include "tests/stress/real/xen/hypercalls.h"
#include "tests/stress/real/xen/xen_api.h"

namespace resume::stress::real {

namespace {

struct XcCloser {
    void operator()(xc_interface* handle) const noexcept { xc_interface_close(handle); }
};
struct XsCloser {
    void operator()(xs_handle* handle) const noexcept { xs_close(handle); }
};

DomainState state_of(const xc_dominfo_t& info) noexcept {
    if (info.crashed) {  // the library clears `shutdown` then
        return DomainState::crashed;
    }
    if (!info.shutdown) {
        return DomainState::running;
    }
    switch (info.shutdown_reason) {
        case SHUTDOWN_suspend:
            return DomainState::suspended;
        case SHUTDOWN_reboot:
            return DomainState::rebooting;
        case SHUTDOWN_poweroff:
            return DomainState::powered_off;
        default:
            return DomainState::crashed;
    }
}

/// Of libxc's calls that return 0 or set errno.
void must(int result, const char* what) {
    if (result != 0) {
        throw errno_error(what);
    }
}

class XenHypercalls final : public Hypercalls {
  public:
    XenHypercalls() : xc_{xc_interface_open(nullptr, nullptr, 0)}, xs_{xs_open(0)} {
        if (!xc_) {
            throw errno_error("xc_interface_open");
        }
        if (!xs_) {
            throw errno_error("xs_open");
        }
    }

    DomainState state(uint32_t domid) override {
        const xc_dominfo_t info = info_of(domid);
        return info.domid == domid ? state_of(info) : DomainState::gone;
    }
    bool is_hvm(uint32_t domid) override { return info_of(domid).hvm != 0; }

    void resume(uint32_t domid, bool fast) override {
        must(xc_domain_resume(xc_.get(), domid, fast ? 1 : 0), "xc_domain_resume");
    }
    void pause(uint32_t domid) override { must(xc_domain_pause(xc_.get(), domid), "pause"); }
    void unpause(uint32_t domid) override { must(xc_domain_unpause(xc_.get(), domid), "unpause"); }
    void soft_reset(uint32_t domid) override {
        must(xc_domain_soft_reset(xc_.get(), domid), "xc_domain_soft_reset");
    }

    uint32_t renew_channels(uint32_t domid) override {
        uint64_t store_gfn = 0;
        must(xc_hvm_param_get(xc_.get(), domid, HVM_PARAM_STORE_PFN, &store_gfn),
             "xc_hvm_param_get STORE_PFN");
        const int store = xc_evtchn_alloc_unbound(xc_.get(), domid, 0);
        const int console = xc_evtchn_alloc_unbound(xc_.get(), domid, 0);
        if (store < 0 || console < 0) {
            throw errno_error("xc_evtchn_alloc_unbound");
        }
        must(xc_hvm_param_set(xc_.get(), domid, HVM_PARAM_STORE_EVTCHN,
                              static_cast<uint64_t>(store)),
             "xc_hvm_param_set STORE_EVTCHN");
        must(xc_hvm_param_set(xc_.get(), domid, HVM_PARAM_CONSOLE_EVTCHN,
                              static_cast<uint64_t>(console)),
             "xc_hvm_param_set CONSOLE_EVTCHN");
        if (!xs_introduce_domain(xs_.get(), domid, store_gfn, static_cast<unsigned>(store))) {
            throw errno_error("xs_introduce_domain");
        }
        return static_cast<uint32_t>(console);
    }

    void tell_store_resumed(uint32_t domid) override {
        if (!xs_resume_domain(xs_.get(), domid)) {
            throw errno_error("xs_resume_domain");
        }
    }

  private:
    /// Of the first domain with this id or a higher one, as the call has it; of none: id 0.
    xc_dominfo_t info_of(uint32_t domid) const {
        xc_dominfo_t info{};
        if (xc_domain_getinfo(xc_.get(), domid, 1, &info) < 0) {
            throw errno_error("xc_domain_getinfo");
        }
        return info;
    }

    std::unique_ptr<xc_interface, XcCloser> xc_;
    std::unique_ptr<xs_handle, XsCloser> xs_;
};

}  // namespace

std::unique_ptr<Hypercalls> xen_hypercalls() {
    return std::make_unique<XenHypercalls>();
}

}  // namespace resume::stress::real
