#include "drivers/store/store.h"

// Uses fixed-width types without including them.
#include <xen/io/xs_wire.h>

#include "drivers/support/boot_code.h"
#include "drivers/support/emit.h"
#include "drivers/support/xen_result.h"

namespace resume {
inline namespace v0 {
namespace {

constexpr uint32_t kStoreRing = 0;  // EventKind::ring_reset, arg32
constexpr const char* kResetFeature = "control/platform-feature-xs_reset_watches";

}  // namespace

// No hooks: its turn is the engine's steps close_store and open_store. It stands in the tree as the
// parent of what is found through it.
constexpr DriverOps Store::kOps = {.driver = "store"};

Store::Store(Machine& machine, EventChannels& events, Bugs bugs) noexcept
    : Device{kOps, "store"}, machine_{machine}, events_{events}, bugs_{bugs} {}

Store::~Store() {
    for (StoreRequest& request : reapers_) {
        cancel(request);
    }
}

RESUME_BOOT_CODE Result<> Store::boot(BootContext&) noexcept {
    channel_.handler = &Store::on_event;
    return connect();
}

/// Page and channel are not in the migration stream: asked for every time (L11).
Result<> Store::connect() noexcept {
    const Result<uint64_t> frame = hvm_param(machine_, HVM_PARAM_STORE_PFN);
    if (!frame.ok()) {
        return frame.error();
    }
    const Result<uint64_t> port = hvm_param(machine_, HVM_PARAM_STORE_EVTCHN);
    if (!port.ok()) {
        return port.error();
    }
    if (frame.value() == 0 || port.value() == 0 || port.value() >= EventChannels::kPorts) {
        return Errc::unsupported;
    }
    ring_.attach(static_cast<xenstore_domain_interface*>(frame_address(machine_, frame.value())));
    return events_.attach(channel_, static_cast<Port>(port.value()));
}

Result<> Store::start() noexcept {
    char offered[4] = {};
    const Result<uint32_t> size = read(kResetFeature, offered, sizeof(offered));
    if (!size.ok() || size.value() != 1 || offered[0] != '1') {
        return size.ok() || size.error().code == Errc::not_found ? Result<>{} : size.error();
    }
    StoreRequest reset;
    reset.type = XS_RESET_WATCHES;
    reset.head = "";
    reset.head_size = 1;
    const Result<uint32_t> done = call(reset);
    return done.ok() ? Result<>{} : done.error();
}

/// The interrupt does nothing but end wait_for_interrupt(): the thread looks into the ring.
void Store::on_event(void*, uint32_t) noexcept {}

void Store::pump() noexcept {
    ++depth_;
    if (!broken_ && ring_.attached()) {
        transmit();
        receive();
        transmit();
    }
    // A user that waits inside a watch's callback pumps too; watches fire from the outside only.
    if (depth_ == 1 && !reconnecting_) {
        fire_watches();
        if (!broken_ && ring_.attached()) {
            transmit();  // what they asked for: nothing else would wake us for it
        }
    }
    --depth_;
}

uint32_t Store::users() const noexcept {
    auto count = static_cast<uint32_t>(queue_.size());
    for (const Slot& slot : slots_) {
        count += slot.id != 0 ? 1U : 0U;
    }
    for (const StoreTransaction& open : open_) {
        const bool counts =
            open.owner == StoreTransaction::Owner::kernel || bugs_.has(Bug::wait_for_user_tx);
        count += open.id != 0 && counts ? 1U : 0U;
    }
    return count;
}

bool Store::inside(TaskId task) const noexcept {
    for (const StoreRequest& request : queue_) {
        if (request.task == task) {
            return true;
        }
    }
    for (const Slot& slot : slots_) {
        if (slot.id != 0 && slot.user != nullptr && slot.user->task == task) {
            return true;
        }
    }
    for (const StoreTransaction& open : open_) {
        if (open.id != 0 && open.task == task && open.owner == StoreTransaction::Owner::kernel) {
            return true;
        }
    }
    return false;
}

/// The daemon can no longer be followed: nobody shall wait for it.
void Store::break_connection() noexcept {
    broken_ = true;
    drop_everything(Errc::malformed);
}

void Store::drop_everything(Errc why) noexcept {
    out_size_ = out_done_ = in_size_ = 0;
    for (Slot& slot : slots_) {
        StoreRequest* user = slot.user;
        slot = Slot{};
        if (user != nullptr) {
            finish(*user, {.code = why});
        }
    }
    while (!queue_.empty()) {
        StoreRequest& request = queue_.front();
        queue_.pop_front();
        finish(request, {.code = why});
    }
}

Result<> Store::reconnect(DomainEvidence evidence) noexcept {
    ++generation_;
    const Result<> connected = connect();
    if (evidence == DomainEvidence::same) {
        // The connection lives on, with whatever is half way in either ring.
        return connected;
    }
    broken_ = false;
    oldest_known_ = generation_;
    if (!bugs_.has(Bug::torn_commit)) {
        for (StoreTransaction& open : open_) {
            open = StoreTransaction{};
        }
    }
    drop_everything(Errc::gone);
    if (connected.ok()) {
        ring_.drop_responses();
        emit(machine_, id(), EventKind::ring_reset, kStoreRing);
    }
    return connected;
}

}  // namespace v0
}  // namespace resume
