// The way to a backend and away from it (4.5, blkif): it waits for us (InitWait), we publish rings
// (Initialised), it maps them (Connected), we learn what disk it is (Connected).
#include <xen/io/protocols.h>

#include "drivers/blkfront/blkfront.h"
#include "drivers/support/emit.h"
#include "drivers/support/text.h"

namespace resume {
inline namespace v0 {
namespace {

constexpr uint32_t kBlockRing = 2;  // EventKind::ring_reset, arg32

}  // namespace

void Blkfront::look(xenbus_state state) noexcept {
    if (stage_ == Stage::looking || stage_ == Stage::closed) {
        unasked_ = state == XenbusStateConnected && bugs_.has(Bug::abort_as_restore);
    }
    if (stage_ == Stage::published && state == XenbusStateConnected) {
        learn();
    } else if ((unasked_ && stage_ == Stage::looking) || follow(state)) {
        ask_features();
    }
}

void Blkfront::ask_features() noexcept {
    stage_ = Stage::asking;
    StoreBatch& batch = bus_.batch();
    batch.read(bus_.other_path(), "multi-queue-max-queues", &offered_queues_, 1);
    bus_.send([](void* self, const Error& error) noexcept {
        auto& disk = *static_cast<Blkfront*>(self);
        if (error.code == Errc::none) {
            disk.publish();
        } else if (error.code != Errc::gone) {
            disk.lose(error);
        }
    });
}

Result<> Blkfront::open_queues() noexcept {
    close_queues();
    released_ = false;
    const uint32_t offered = offered_queues_ == 0 ? 1 : offered_queues_;
    info_.queues = offered < config_.queues ? offered : config_.queues;
    const auto handle = static_cast<uint16_t>(config_.handle);
    for (uint32_t i = 0; i < info_.queues; ++i) {
        const Result<> opened =
            queues_[i].open(config_.memory[i], bus_.other_domain(), handle, id());
        if (!opened.ok()) {
            close_queues();
            return opened;
        }
        emit(machine_, id(), EventKind::ring_reset, kBlockRing, i);
    }
    return {};
}

void Blkfront::publish() noexcept {
    if (const Result<> opened = open_queues(); !opened.ok()) {
        lose(opened.error());
        return;
    }
    stage_ = Stage::published;
    StoreBatch& batch = bus_.batch();
    add_rings();
    batch.write_text(bus_.path(), "protocol", XEN_IO_PROTO_ABI_NATIVE);
    batch.write(bus_.path(), "feature-persistent", config_.persistent_grants ? 1 : 0);
    bus_.send(
        [](void* self, const Error& error) noexcept {
            auto& disk = *static_cast<Blkfront*>(self);
            if (error.code != Errc::none && error.code != Errc::gone) {
                disk.lose(error);
            } else if (disk.unasked_) {
                disk.learn();  // it says "Connected" already: of the rings of before
            }
        },
        XenbusStateInitialised);
}

void Blkfront::add_rings() noexcept {
    StoreBatch& batch = bus_.batch();
    // A reset in place keeps our nodes: the number of queues that the last backend had would stand.
    if (offered_queues_ != 0) {
        batch.write(bus_.path(), "multi-queue-num-queues", info_.queues);
    }
    if (info_.queues == 1) {
        batch.write(bus_.path(), "ring-ref", queues_[0].ring_reference());
        batch.write(bus_.path(), "event-channel", queues_[0].port());
        return;
    }
    for (uint32_t i = 0; i < info_.queues; ++i) {
        char directory[StoreBatch::kPathMax];
        TextBuilder{directory, sizeof directory}.add(bus_.path()).add("/queue-").add(i);
        batch.write(directory, "ring-ref", queues_[i].ring_reference());
        batch.write(directory, "event-channel", queues_[i].port());
    }
}

void Blkfront::learn() noexcept {
    stage_ = Stage::learning;
    StoreBatch& batch = bus_.batch();
    const char* other = bus_.other_path();
    batch.read(other, "sectors", &info_.sectors, 0);
    batch.read(other, "sector-size", &info_.sector_size, kSectorSize);
    batch.read(other, "info", &info_.flags, 0);
    batch.read(other, "feature-flush-cache", &offered_flush_, 0);
    // Linux tells only now whether it has them; what stood there before was an earlier
    // connection's.
    batch.read(other, "feature-persistent", &offered_persistent_, 0);
    batch.read(other, "feature-max-indirect-segments", &offered_segments_, 0);
    bus_.send([](void* self, const Error& error) noexcept {
        static_cast<Blkfront*>(self)->begin_use(error);
    });
}

/// Every limit is what this backend offers, larger or smaller than the last one's (L16).
void Blkfront::begin_use(const Error& error) noexcept {
    if (error.code == Errc::gone) {
        return;  // of the old domain
    }
    if (error.code != Errc::none) {
        lose(error);
        return;
    }
    info_.flush = offered_flush_ == 1;
    info_.persistent = config_.persistent_grants && offered_persistent_ == 1;
    const bool keeps = bugs_.has(Bug::limits_kept) && info_.segments != 0;
    if (!keeps) {
        const bool indirect = offered_segments_ > BLKIF_MAX_SEGMENTS_PER_REQUEST;
        const uint32_t most = indirect ? offered_segments_ : BLKIF_MAX_SEGMENTS_PER_REQUEST;
        info_.segments = most < kBlockSegments ? most : kBlockSegments;
    }
    stage_ = Stage::connected;
    bus_.say(XenbusStateConnected);
    if (!quiet_) {
        attach();
        push();
    }
    connected_or_not({});
}

/// The backend asked to go, and nothing is under way or it went already. The rings stay its own
/// until it has said that it is closed, too.
void Blkfront::let_go() noexcept {
    detach();
    rewind(true);
    take_leave();
    if (!again_) {
        ledger_.fail_all(Errc::gone);
    }
}

/// There is no other end. Whoever waits for it hears so; nothing hangs.
void Blkfront::lose(const Error& error) noexcept {
    if (connects_again(error)) {
        return;
    }
    detach();
    rewind(true);
    close_queues();
    be_gone(error);
    ledger_.fail_all(Errc::gone);
    connected_or_not(error);
}

}  // namespace v0
}  // namespace resume
