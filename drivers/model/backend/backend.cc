#include "drivers/model/backend/backend.h"

#include <utility>

#include "drivers/model/machine.h"

namespace resume::model {

Backend::Backend(Machine& machine, const BackendConfig& configuration)
    : config{configuration},
      machine_{machine},
      frontend_path_{"device/" + configuration.kind + "/" + std::to_string(configuration.handle)},
      now_{configuration} {
    machine_.store->watch(node_of(frontend_path_, "state"), [this] { frontend_changed(); });
}

/// Good until the next call.
const std::string& Backend::node_of(const std::string& end, std::string_view name) const {
    return node_.assign(end).append(1, '/').append(name);
}

void Backend::plug() {
    now_ = config;
    plugged_ = true;
    ++epoch_;
    const DomId guest = machine_.domain.id();
    const std::string home = "/local/domain/" + std::to_string(guest) + "/";
    backend_path_ = "/local/domain/" + std::to_string(now_.domid) + "/backend/" + now_.kind + "/" +
                    std::to_string(guest) + "/" + std::to_string(now_.handle);
    StoreSeam& store = *machine_.store;
    store.create(backend_path_, "", now_.domid, guest);
    offer_text("frontend", home + frontend_path_);
    offer("frontend-id", guest);
    offer("online", 1);
    state_ = XenbusStateInitialising;
    offer("state", state_);
    store.create(frontend_path_, "", guest, now_.domid);
    const auto put = [&](std::string_view name, const std::string& value) {
        store.create(node_of(frontend_path_, name), value, guest, now_.domid);
    };
    put("backend", backend_path_);
    put("backend-id", std::to_string(now_.domid));
    put("handle", std::to_string(now_.handle));
    put("state", "1");
    if (now_.waits_for_frontend) {
        later(now_.latency, [this] {
            publish_features();
            set_state(XenbusStateInitWait);
        });
    }
}

void Backend::unplug() {
    offer("online", 0);
    set_state(XenbusStateClosing);
}

void Backend::vanish() {
    let_go(false);
    state_ = XenbusStateUnknown;
    plugged_ = false;
    machine_.store->remove(frontend_path_);
    machine_.store->remove(backend_path_);
}

void Backend::replace(DomId domid) {
    vanish();
    config.domid = domid;
    plug();
}

void Backend::domain_gone() {
    let_go(true);
    state_ = XenbusStateUnknown;
    if (plugged_) {
        machine_.store->remove(backend_path_);
        plugged_ = false;
    }
}

void Backend::offer(std::string_view name, uint64_t value) {
    offer_text(name, std::to_string(value));
}

void Backend::offer_text(std::string_view name, const std::string& value) {
    machine_.store->create(node_of(backend_path_, name), value, now_.domid, machine_.domain.id());
}

uint64_t Backend::frontend_number(std::string_view name, uint64_t fallback) const {
    const std::string text = frontend_text(name);
    return text.empty() ? fallback : std::stoull(text);
}

std::string Backend::frontend_text(std::string_view name) const {
    return machine_.store->read(node_of(frontend_path_, name)).value_or("");
}

std::byte* Backend::map(uint32_t reference, bool readonly) {
    return machine_.grants.map_page(now_.domid, reference, readonly);
}

void Backend::unmap(uint32_t reference) {
    machine_.grants.unmap_page(reference);
}

void Backend::refuse(int32_t reason) {
    machine_.sight(EventKind::io_refused, now_.handle, 0, reason);
}

void Backend::later(Nanoseconds delay, std::function<void()> act) {
    machine_.clock.after(delay + machine_.jitter(delay / 4 + 1),
                         [this, epoch = epoch_, act = std::move(act)] {
                             if (epoch == epoch_) {
                                 act();
                             }
                         });
}

void Backend::set_state(xenbus_state state) {
    state_ = state;
    offer("state", state);
}

void Backend::frontend_changed() {
    if (plugged_) {
        later(now_.latency, [this] { react(); });
    }
}

void Backend::let_go(bool crash) {
    if (mapped_) {
        mapped_ = false;
        disconnect(crash);
        machine_.sight(EventKind::backend_closed, now_.handle, sort());
    }
    ++epoch_;
}

// xen-blkback's frontend_changed, as far as a guest can tell.
void Backend::react() {
    const auto frontend = static_cast<xenbus_state>(frontend_number("state", 0));
    switch (frontend) {
        case XenbusStateInitialising:
            if (state_ == XenbusStateClosed) {
                publish_features();
                set_state(XenbusStateInitWait);
            }
            break;
        case XenbusStateInitialised:
        case XenbusStateConnected:
            if (frontend == published_state() && state_ == XenbusStateInitWait && now_.connects &&
                connect()) {
                ++connects_;
                mapped_ = true;
                machine_.sight(EventKind::backend_connected, now_.handle, sort());
                set_state(XenbusStateConnected);
            }
            break;
        case XenbusStateClosing:
        case XenbusStateClosed:
            let_go(false);
            set_state(frontend);
            break;
        default:
            break;
    }
}

}  // namespace resume::model
