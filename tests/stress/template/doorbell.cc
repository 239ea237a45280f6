#include "doorbell.h"

using resume::Errc;
using resume::Outcome;
using resume::Progress;
using resume::Result;

constexpr resume::DriverOps Doorbell::kOps = {
    .driver = "doorbell",
    .suspend = resume::thread_down<&Doorbell::suspend>,
    .resume = resume::thread_up<&Doorbell::resume>,
};

Doorbell::Doorbell(resume::Machine& machine, resume::DomId other) noexcept
    : Device{kOps, "doorbell"}, machine_{machine}, other_{other} {}

Result<> Doorbell::connect() noexcept {
    evtchn_alloc_unbound ask{.dom = DOMID_SELF, .remote_dom = other_, .port = 0};
    if (resume::xen::event_channel_op(machine_, EVTCHNOP_alloc_unbound, ask) != 0) {
        return Errc::hypercall;
    }
    port_ = ask.port;
    return {};
}

void Doorbell::disconnect() noexcept {
    evtchn_close close{.port = port_};
    (void)resume::xen::event_channel_op(machine_, EVTCHNOP_close, close);
    port_ = 0;
}

Result<> Doorbell::ring() noexcept {
    if (quiet_) {
        wanted_ = true;
        return {};
    }
    return send();
}

Result<> Doorbell::send() noexcept {
    evtchn_send send{.port = port_};
    return resume::xen::event_channel_op(machine_, EVTCHNOP_send, send) == 0 ? Result<>{}
                                                                             : Result<>{Errc::gone};
}

Progress Doorbell::suspend(resume::ThreadContext&) noexcept {
    quiet_ = true;
    return Progress::done();
}

Progress Doorbell::resume(resume::ThreadContext&, Outcome outcome) noexcept {
    quiet_ = false;
#ifdef PLANT_BUG
    // Takes every resume for the end of a checkpoint: the number is one of the domain before.
    return send();
#else
    // A port means something only in the domain that gave it. After a cancel it is the same domain.
    const Result<> connected = outcome == Outcome::resumed ? connect() : Result<>{};
    const bool owed = wanted_ && connected.ok();
    wanted_ = false;
    return owed ? send() : connected;
#endif
}
