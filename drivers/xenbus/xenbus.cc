#include "drivers/xenbus/xenbus.h"

#include "drivers/support/text.h"

namespace resume {
inline namespace v0 {
namespace {

constexpr uint32_t kLastState = XenbusStateReconfigured;

}  // namespace

Xenbus::Xenbus(Store& store, const char* kind, uint32_t handle) noexcept
    : store_{store}, handle_{handle}, batch_{store} {
    TextBuilder path{path_, sizeof path_};
    path.add("device/").add(kind).add("/").add(handle);
    RESUME_ASSERT(path.complete());
    watch_.path = watched_;
    watch_.fired = &Xenbus::on_watch;
    watch_.refused = &Xenbus::on_refused;
    watch_.argument = this;
    TextBuilder home{home_, sizeof home_};
    home.add(path_).add("/backend");
    RESUME_ASSERT(home.complete());
    home_watch_.path = home_;
    home_watch_.fired = [](void* self, const char*) noexcept {
        auto& bus = *static_cast<Xenbus*>(self);
        ++bus.told_;
        bus.find_again();
    };
    home_watch_.argument = this;
}

void Xenbus::connect() noexcept {
    forget();
    own_ = XenbusStateInitialising;
    batch_.read_text(path_, "backend", other_path_, sizeof other_path_);
    batch_.read(path_, "backend-id", &other_domain_, 0);
    if (const Result<> sent = batch_.send(&Xenbus::on_found, this); !sent.ok()) {
        lose(sent.error());
    }
}

void Xenbus::forget() noexcept {
    store_.forget(watch_);
    store_.forget(home_watch_);
    batch_.cancel();
    look_again_ = find_again_ = false;
    sent_ = nullptr;
}

template <class Reached>
bool Xenbus::wait_until(Machine& machine, Reached reached) noexcept {
    const Ticks end = raw_counter(machine) + counter_hz(machine) / 1'000 * kPatienceMs;
    while (!reached() && raw_counter(machine) < end) {
        wait_for_interrupt(machine, end);
        store_.pump();
    }
    return reached();
}

bool Xenbus::part(Machine& machine) noexcept {
    const auto idle = [this] { return !busy(); };
    const auto let_go = [this] {
        return !busy() && (state_ == XenbusStateClosing || state_ == XenbusStateClosed ||
                           state_ == XenbusStateUnknown);
    };
    if (!watch_.registered || !wait_until(machine, idle)) {
        return false;
    }
    say(XenbusStateClosing);
    const bool gone = wait_until(machine, let_go);
    say(XenbusStateClosed);
    return wait_until(machine, idle) && gone;
}

void Xenbus::stop() noexcept {
    batch_.cancel();
    look_again_ = find_again_ = false;
    take_back(watch_);
    take_back(home_watch_);
    forget();
}

void Xenbus::take_back(StoreWatch& watch) noexcept {
    if (watch.registered && !store_.closed()) {
        // That the daemon does not answer leaves a watch behind whose events nobody hears.
        (void)store_.unwatch(watch);
    }
    store_.forget(watch);
}

void Xenbus::lose(const Error& error) noexcept {
    stop();
    listener_.lost(listener_.self, error);
}

void Xenbus::on_found(void* self, const Error& error) noexcept {
    auto& bus = *static_cast<Xenbus*>(self);
    if (error.code != Errc::none || bus.other_path_[0] == '\0') {
        bus.lose(error.code != Errc::none ? error : Error{.code = Errc::not_found});
        return;
    }
    if (const Result<> added = bus.watch_other(); !added.ok()) {
        bus.lose(added.error());
    }
}

Result<> Xenbus::watch_other() noexcept {
    TextBuilder watched{watched_, sizeof watched_};
    watched.add(other_path_).add("/state");
    seen_ = false;
    return watched.complete() ? store_.add_watch(watch_) : Errc::no_space;
}

void Xenbus::on_refused(void* self, const Error& error) noexcept {
    static_cast<Xenbus*>(self)->lose(error);
}

void Xenbus::on_watch(void* self, const char*) noexcept {
    static_cast<Xenbus*>(self)->look();
}

void Xenbus::look() noexcept {
    if (batch_.busy()) {
        look_again_ = true;
        return;
    }
    look_again_ = false;
    batch_.read(other_path_, "state", &state_, XenbusStateUnknown);
    if (const Result<> sent = batch_.send(&Xenbus::on_state, this); !sent.ok()) {
        lose(sent.error());
    }
}

void Xenbus::on_state(void* self, const Error& error) noexcept {
    auto& bus = *static_cast<Xenbus*>(self);
    if (error.code == Errc::gone) {
        return;  // of the old domain: whoever resumes asks anew
    }
    // A path that nobody has any more may not be looked into either.
    const bool taken_away = error.code == Errc::denied && bus.seen_;
    if (error.code != Errc::none && !taken_away) {
        bus.lose(error);
        return;
    }
    bus.seen_ = true;
    if (taken_away) {
        bus.state_ = XenbusStateUnknown;
    }
    const auto state = static_cast<xenbus_state>(bus.state_ <= kLastState ? bus.state_ : 0);
    bus.listener_.changed(bus.listener_.self, state);
    bus.after_batch();
}

void Xenbus::send(Done done, xenbus_state state) noexcept {
    sent_ = done;
    announced_ = state;
    send_batch();
}

void Xenbus::send_batch() noexcept {
    if (const Result<> sent = batch_.send(&Xenbus::on_sent, this); !sent.ok()) {
        lose(sent.error());
    }
}

void Xenbus::write_state(xenbus_state state) noexcept {
    own_ = state;
    batch_.write(path_, "state", static_cast<uint32_t>(state));
    send_batch();
}

void Xenbus::say(xenbus_state state) noexcept {
    if (own_ != state && !busy()) {
        sent_ = nullptr;
        announced_ = XenbusStateUnknown;
        write_state(state);
    }
}

void Xenbus::ask_to_let_go(xenbus_state other) noexcept {
    if (other == XenbusStateConnected || other == XenbusStateInitialised) {
        say(XenbusStateClosing);
    } else if (other == XenbusStateClosing) {
        say(XenbusStateClosed);
    } else if (other == XenbusStateClosed) {
        say(XenbusStateInitialising);
    }
}

void Xenbus::on_sent(void* self, const Error& error) noexcept {
    auto& bus = *static_cast<Xenbus*>(self);
    if (bus.announced_ != XenbusStateUnknown && error.code == Errc::none) {
        const xenbus_state state = bus.announced_;
        bus.announced_ = XenbusStateUnknown;
        bus.write_state(state);
        return;
    }
    const Done done = bus.sent_;
    bus.sent_ = nullptr;
    bus.announced_ = XenbusStateUnknown;
    if (done != nullptr) {
        done(bus.listener_.self, error);
    } else if (error.code != Errc::none && error.code != Errc::gone) {
        bus.lose(error);
    }
    bus.after_batch();
}

/// What came while something else was under way.
void Xenbus::after_batch() noexcept {
    if (look_again_ && !batch_.busy()) {
        look();
    }
    if (find_again_ && !batch_.busy()) {
        find_again();
    }
}

}  // namespace v0
}  // namespace resume
