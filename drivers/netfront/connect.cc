// The way to a backend and away from it (netif): it waits for us (InitWait), we publish rings and
// are Connected, it maps them and is Connected too.
#include "drivers/netfront/netfront.h"
#include "drivers/support/emit.h"
#include "drivers/support/text.h"

namespace resume {
inline namespace v0 {
namespace {

constexpr uint32_t kNetRing = 3;  // EventKind::ring_reset, arg32

uint8_t digit_of(char letter) noexcept {
    if (letter >= '0' && letter <= '9') {
        return static_cast<uint8_t>(letter - '0');
    }
    return letter >= 'a' && letter <= 'f' ? static_cast<uint8_t>(letter - 'a' + 10)
                                          : static_cast<uint8_t>((letter - 'A' + 10) & 0xf);
}

/// aa:bb:cc:dd:ee:ff
void parse_mac(const char* text, uint8_t (&mac)[kMacSize]) noexcept {
    if (text_length(text) == 3 * kMacSize - 1) {
        for (uint32_t i = 0; i < kMacSize; ++i) {
            const char* digits = text + size_t{3} * i;
            mac[i] = static_cast<uint8_t>(digit_of(digits[0]) << 4 | digit_of(digits[1]));
        }
    }
}

}  // namespace

void Netfront::look(xenbus_state state) noexcept {
    if (stage_ == Stage::published && state == XenbusStateConnected) {
        begin_use();
    } else if (follow(state)) {
        ask_features();
    }
}

void Netfront::ask_features() noexcept {
    stage_ = Stage::asking;
    StoreBatch& batch = bus_.batch();
    batch.read(bus_.other_path(), "multi-queue-max-queues", &offered_queues_, 1);
    batch.read_text(bus_.path(), "mac", mac_text_, sizeof mac_text_);
    bus_.send([](void* self, const Error& error) noexcept {
        auto& net = *static_cast<Netfront*>(self);
        if (error.code == Errc::none) {
            net.publish();
        } else if (error.code != Errc::gone) {
            net.lose(error);
        }
    });
}

Result<> Netfront::open_queues() noexcept {
    close_queues(true);
    released_ = false;
    const uint32_t offered = offered_queues_ == 0 ? 1 : offered_queues_;
    queue_count_ = offered < config_.queues ? offered : config_.queues;
    for (uint32_t i = 0; i < queue_count_; ++i) {
        const Result<> opened = queues_[i].open(config_.memory[i], bus_.other_domain(), id());
        if (!opened.ok()) {
            close_queues(true);
            return opened;
        }
        emit(machine_, id(), EventKind::ring_reset, kNetRing, i);
    }
    return {};
}

void Netfront::publish() noexcept {
    parse_mac(mac_text_, mac_);
    if (const Result<> opened = open_queues(); !opened.ok()) {
        lose(opened.error());
        return;
    }
    stage_ = Stage::published;
    StoreBatch& batch = bus_.batch();
    add_rings();
    batch.write(bus_.path(), "request-rx-copy", 1);
    batch.write(bus_.path(), "feature-rx-notify", 1);
    // Whole frames with right check sums: neither pieces nor blanks to be filled in later.
    batch.write(bus_.path(), "feature-sg", 0);
    batch.write(bus_.path(), "feature-no-csum-offload", 1);
    bus_.send(
        [](void* self, const Error& error) noexcept {
            if (error.code != Errc::none && error.code != Errc::gone) {
                static_cast<Netfront*>(self)->lose(error);
            }
        },
        XenbusStateConnected);
}

void Netfront::add_rings() noexcept {
    StoreBatch& batch = bus_.batch();
    if (queue_count_ > 1) {
        batch.write(bus_.path(), "multi-queue-num-queues", queue_count_);
    }
    for (uint32_t i = 0; i < queue_count_; ++i) {
        char directory[StoreBatch::kPathMax];
        TextBuilder path{directory, sizeof directory};
        path.add(bus_.path());
        if (queue_count_ > 1) {
            path.add("/queue-").add(i);
        }
        batch.write(directory, "tx-ring-ref", queues_[i].send_reference());
        batch.write(directory, "rx-ring-ref", queues_[i].receive_reference());
        batch.write(directory, "event-channel", queues_[i].port());
    }
}

void Netfront::begin_use() noexcept {
    stage_ = Stage::connected;
    moved_ = true;
    ++counters_.connections;
    if (!quiet_) {
        begin();
    }
    connected_or_not({});
}

/// The backend asked to go, or went. The rings stay its own until it has said that it is closed.
void Netfront::let_go() noexcept {
    detach();
    take_leave();
    if (!again_) {
        connected_or_not({.code = Errc::gone});
    }
}

/// There is no other end. Whoever waits for it hears so; nothing hangs.
void Netfront::lose(const Error& error) noexcept {
    if (connects_again(error)) {
        return;
    }
    detach();
    close_queues(true);
    be_gone(error);
    connected_or_not(error);
}

}  // namespace v0
}  // namespace resume
