// A device that the toolstack takes away, and puts another in its place: where our nodes point now.
#include "drivers/support/text.h"
#include "drivers/xenbus/xenbus.h"

namespace resume {
inline namespace v0 {

/// The daemon answers a new watch with an event at once, so nodes that are there already are found
/// too. That it refuses one leaves the device as it is: missing.
void Xenbus::await_nodes() noexcept {
    if (!home_watch_.registered) {
        told_ = 0;
        (void)store_.add_watch(home_watch_);
    }
}

void Xenbus::find_again() noexcept {
    if (batch_.busy()) {
        find_again_ = true;
        return;
    }
    find_again_ = false;
    batch_.read_text(path_, "backend", next_path_, sizeof next_path_);
    batch_.read(path_, "backend-id", &next_domain_, 0);
    if (const Result<> sent = batch_.send(&Xenbus::on_found_again, this); !sent.ok()) {
        lose(sent.error());
    }
}

void Xenbus::on_found_again(void* self, const Error& error) noexcept {
    auto& bus = *static_cast<Xenbus*>(self);
    const bool named = error.code == Errc::none && bus.next_path_[0] != '\0';
    // The event that answers the watch says nothing new of a path that was just found closed to us:
    // to look there again would be refused again, and so for ever.
    const bool same = same_text(bus.next_path_, bus.other_path_);
    const bool known = same && (bus.watch_.registered || bus.told_ <= 1);
    if (named && !known) {
        bus.take_back(bus.watch_);
        __builtin_memcpy(bus.other_path_, bus.next_path_, sizeof bus.other_path_);
        bus.other_domain_ = bus.next_domain_;
        bus.own_ = XenbusStateInitialising;  // the toolstack wrote that
        if (const Result<> added = bus.watch_other(); !added.ok()) {
            bus.lose(added.error());
            return;
        }
    }
    bus.after_batch();
}

}  // namespace v0
}  // namespace resume
