// What every frontend does the same: it lets go of its rings before a suspend, takes them up again
// where the domain is the same, and connects anew where it is not. `Driver` says how:
//
//   void leave_rings(bool same_domain)  what is on them is nobody's any more; only in the domain
//   that
//                                       they were made in is anything given back (L9)
//   bool reattach_rings()               after a return of 0 in the same domain
//   void go_on()                        the rings are as they were left
//   void look(xenbus_state), void lose(const Error&)   as XenbusListener has them
#pragma once

#include "drivers/support/emit.h"
#include "drivers/xenbus/xenbus.h"
#include "libresume/device.h"

namespace resume {
inline namespace v0 {

/// Where a connection stands, by what we have sent and seen.
enum class FrontendStage : uint8_t {
    off,
    looking,    ///< for a backend that waits for us (InitWait)
    asking,     ///< its features are on their way to us
    published,  ///< our rings are on their way to it
    learning,   ///< it is connected: what it offers is on its way to us
    connected,
    closing,  ///< it wants to go: when nothing is under way any more, we let it
    closed,   ///< it may come back
    gone,     ///< the toolstack took the device away; it may give it back
};

template <class Driver>
class Frontend : public Device {
  public:
    [[nodiscard]] bool connected() const noexcept { return stage_ == Stage::connected; }
    [[nodiscard]] bool gone() const noexcept { return stage_ == Stage::gone; }

  protected:
    using Stage = FrontendStage;

    Frontend(CheckedOps ops, const char* name, Machine& machine, Store& store, const char* kind,
             uint32_t handle, Bugs bugs) noexcept
        : Device{ops, name}, machine_{machine}, bugs_{bugs}, bus_{store, kind, handle} {
        bus_.listen({.self = this,
                     .changed =
                         [](void* self, xenbus_state state) noexcept {
                             static_cast<Frontend*>(self)->driver().look(state);
                         },
                     .lost =
                         [](void* self, const Error& error) noexcept {
                             auto& frontend = *static_cast<Frontend*>(self);
                             if (frontend.stage_ != Stage::off) {  // else it goes already
                                 frontend.driver().lose(error);
                             }
                         }});
    }
    ~Frontend() { bus_.forget(); }

    Progress suspend(ThreadContext&) noexcept {
        if (!bugs_.has(Bug::send_while_resuming)) {
            quiet_ = true;
            detach();
        }
        return Progress::done();
    }
    Progress suspend_late(ThreadContext&) noexcept { return Progress::done(); }

    /// Before the store's client registers its watches again: ours is of a backend that is gone.
    Progress resume_early(ThreadContext& context, Outcome outcome) noexcept {
        if (is_new_domain(context, outcome)) {
            bus_.forget();
        }
        return Progress::done();
    }

    Progress resume(ThreadContext& context, Outcome outcome) noexcept {
        quiet_ = false;
        if (stage_ == Stage::off) {
            return Progress::done();
        }
        if (is_new_domain(context, outcome)) {
            return reconnect(context, false);
        }
        if (outcome == Outcome::resumed && !driver().reattach_rings()) {
            return reconnect(context, true);
        }
        driver().go_on();
        return Progress::done();
    }

    /// The store failed us while the other end may have our rings mapped. They stay its own until
    /// it says that it let go of them (L9), and then a connection is made anew, kMostTries times.
    /// Rings in use are taken down by pump(), as if the other end had asked to go; others at once.
    /// False where there are none, and the device can be given up.
    [[nodiscard]] bool connects_again(const Error& error) noexcept {
        const bool unused = stage_ == Stage::published || stage_ == Stage::learning;
        if (stage_ == Stage::connected) {
            stage_ = Stage::closing;
        } else if (unused) {
            stage_ = Stage::closed;
        }
        if (released_ || (stage_ != Stage::closing && stage_ != Stage::closed)) {
            return false;
        }
        again_ = tries_ < kMostTries;
        if (!again_) {
            connected_or_not(error);
            return true;
        }
        ++tries_;
        if (!bus_.listens()) {
            bus_.connect();  // or nobody hears that it let go
        } else if (unused) {
            bus_.say(XenbusStateClosed);
        }
        return true;
    }

    /// There is no other end. Where there is a store at all, one may come.
    void be_gone(const Error& error) noexcept {
        stage_ = Stage::gone;
        if (error.code == Errc::not_found || error.code == Errc::denied) {
            bus_.await_nodes();
        }
    }

    /// Whoever waits for the connection hears of it, once.
    void connected_or_not(const Error& error) noexcept {
        if (completer_.armed()) {
            completer_.complete(error.code, error.detail);
        }
    }

    void attach() noexcept {
        attached_ = true;
        again_ = false;
        tries_ = 0;
        emit(machine_, id(), EventKind::queue_attached);
    }
    void detach() noexcept {
        if (attached_) {
            attached_ = false;
            emit(machine_, id(), EventKind::queue_detached);
        }
    }

    /// The stages in which both drivers do the same: it looks for a backend, or one leaves. True
    /// when the backend waits for us.
    bool follow(xenbus_state state) noexcept {
        const bool has_let_go = state == XenbusStateClosed || state == XenbusStateUnknown;
        if (state == XenbusStateUnknown) {
            bus_.await_nodes();
        }
        switch (stage_) {
            case Stage::looking:
            case Stage::closed:
            case Stage::gone:
                released_ = released_ || has_let_go;
                again_ = again_ && state != XenbusStateClosing && state != XenbusStateUnknown;
                if (again_ && !released_) {
                    bus_.say(XenbusStateClosed);
                    return false;
                }
                if (again_) {
                    again_ = false;
                    stage_ = Stage::looking;
                }
                if (state != XenbusStateInitWait && stage_ == Stage::looking) {
                    bus_.ask_to_let_go(state);
                }
                return state == XenbusStateInitWait;
            case Stage::published:
                if (is_another(state)) {
                    // Nothing is on the rings yet, and they are made anew for whoever comes.
                    stage_ = Stage::looking;
                    released_ = true;
                    return false;
                }
                [[fallthrough]];
            case Stage::connected:
            case Stage::closing:
                replaced_ = replaced_ || is_another(state);
                if (has_let_go || replaced_ || state == XenbusStateClosing) {
                    // Torn down by pump(): never in the middle of a cycle (P10).
                    again_ = again_ && state == XenbusStateClosed;
                    stage_ = Stage::closing;
                    released_ = released_ || has_let_go || replaced_;
                }
                return false;
            default:
                return false;
        }
    }

    /// The rings are nobody's now. The other end hears of it, unless it is no longer the one that
    /// had them: what is said would be said to whoever came in its place, who is looked at instead.
    void take_leave() noexcept {
        stage_ = Stage::closed;
        if (replaced_) {
            replaced_ = false;
            bus_.look();
        } else {
            bus_.say(XenbusStateClosed);
        }
    }

    Machine& machine_;
    Bugs bugs_;
    Xenbus bus_;
    Stage stage_ = Stage::off;
    bool attached_ = false;  ///< the rings may be reached (L17)
    bool released_ = false;  ///< the backend holds our rings no longer
    bool again_ = false;     ///< a connection that the store broke is to be made anew
    bool replaced_ = false;  ///< the toolstack took the device away; there may be another
    bool quiet_ = false;     ///< between the suspend hook and its mirror
    uint8_t tries_ = 0;      ///< since the last that was connected
    static constexpr uint8_t kMostTries = 3;

  private:
    /// Nobody who has our rings says so.
    [[nodiscard]] bool is_another(xenbus_state state) const noexcept {
        return state == XenbusStateUnknown || state == XenbusStateInitialising ||
               (state == XenbusStateInitWait && stage_ != Stage::published);
    }
    Driver& driver() noexcept { return static_cast<Driver&>(*this); }

    [[nodiscard]] bool is_new_domain(ThreadContext& context, Outcome outcome) const noexcept {
        if (outcome == Outcome::aborted) {
            return bugs_.has(Bug::abort_as_restore);
        }
        return outcome == Outcome::resumed && context.evidence() != DomainEvidence::same;
    }

    /// Another domain, or at least another backend: as at boot.
    Progress reconnect(ThreadContext& context, bool same_domain) noexcept {
        driver().leave_rings(same_domain);
        if (same_domain) {
            bus_.stop();  // the daemon still has our watch
        }
        replaced_ = again_ = false;
        tries_ = 0;
        stage_ = Stage::looking;
        completer_ = context.defer();
        bus_.connect();
        return Progress::pending();
    }

    Completer completer_{};
};

}  // namespace v0
}  // namespace resume
