#include "drivers/model/backend/netback.h"

#include "drivers/model/machine.h"

namespace resume::model {

namespace {

constexpr int32_t kBeyondOffer = 1, kNoGrant = 2, kMalformed = 3;  // io_refused
constexpr std::size_t kHeader = 14, kLargest = 1514, kType = 12;

/// RARP (RFC 903): what a guest says that has come to another place.
bool announces(const Netback::Frame& frame) {
    return frame[kType] == '\x80' && frame[kType + 1] == '\x35';
}

}  // namespace

Netback::Netback(Machine& machine, const NetbackConfig& configuration)
    : Backend{machine, configuration}, net{configuration}, offered_{configuration} {}

void Netback::publish_features() {
    offered_ = net;
    offer("multi-queue-max-queues", offered_.queues);
    offer("feature-rx-copy", 1);
    machine_.store->create("device/vif/" + std::to_string(config.handle) + "/mac", offered_.mac,
                           machine_.domain.id(), domain());
}

bool Netback::connect() {
    queues_.clear();
    const uint64_t queues = frontend_number("multi-queue-num-queues", 1);
    if (queues > offered_.queues || frontend_number("request-rx-copy", 0) != 1) {
        refuse(kBeyondOffer);
        return false;
    }
    bool good = true;
    for (uint64_t i = 0; i < queues && good; ++i) {
        good = connect_queue(queues == 1 ? "" : "queue-" + std::to_string(i) + "/");
    }
    if (!good) {
        disconnect(false);
    }
    return good;
}

bool Netback::connect_queue(const std::string& directory) {
    Queue queue;
    queue.send_reference = static_cast<uint32_t>(frontend_number(directory + "tx-ring-ref", 0));
    queue.receive_reference = static_cast<uint32_t>(frontend_number(directory + "rx-ring-ref", 0));
    queue.port = static_cast<Port>(frontend_number(directory + "event-channel", 0));
    std::byte* const send = map(queue.send_reference, false);
    std::byte* const receive = map(queue.receive_reference, false);
    const auto index = static_cast<uint32_t>(queues_.size());
    if (send == nullptr || receive == nullptr ||
        !machine_.channels.join(queue.port, domain(), [this, index] { notified(index); })) {
        refuse(kNoGrant);
        return false;
    }
    auto* sent = reinterpret_cast<netif_tx_sring*>(send);
    auto* received = reinterpret_cast<netif_rx_sring*>(receive);
    BACK_RING_INIT(&queue.send, sent, kPageSize);
    BACK_RING_INIT(&queue.receive, received, kPageSize);
    queues_.push_back(queue);
    // Frames that were there before the channel was bound.
    notified(index);
    return true;
}

void Netback::disconnect(bool crash) {
    for (const Queue& queue : queues_) {
        unmap(queue.send_reference);
        unmap(queue.receive_reference);
        if (!crash) {
            machine_.channels.leave(queue.port);
        }
    }
    queues_.clear();
}

void Netback::notified(uint32_t queue) {
    later(offered_.service, [this, queue] { take(queue); });
}

void Netback::take(uint32_t index) {
    if (index >= queues_.size()) {
        return;
    }
    netif_tx_back_ring& ring = queues_[index].send;
    int more = 0;
    do {
        if (RING_REQUEST_PROD_OVERFLOW(&ring, ring.sring->req_prod)) {
            refuse(kMalformed);
            return;
        }
        while (ring.req_cons != ring.sring->req_prod) {
            netif_tx_request request;
            RING_COPY_REQUEST(&ring, ring.req_cons, &request);
            ++ring.req_cons;
            const bool good = carry(request);
            netif_tx_response* response = RING_GET_RESPONSE(&ring, ring.rsp_prod_pvt);
            *response = {.id = request.id,
                         .status = static_cast<int16_t>(good ? NETIF_RSP_OKAY : NETIF_RSP_ERROR)};
            ++ring.rsp_prod_pvt;
        }
        RING_FINAL_CHECK_FOR_REQUESTS(&ring, more);
    } while (more != 0);
    bool notify = false;
    RING_PUSH_RESPONSES_AND_CHECK_NOTIFY(&ring, notify);
    if (notify) {
        machine_.channels.raise(queues_[index].port);
    }
}

bool Netback::carry(const netif_tx_request& request) {
    if (request.flags != 0 || request.size < kHeader || request.size > kLargest ||
        request.offset + request.size > kPageSize) {
        refuse(kMalformed);
        return false;
    }
    const std::byte* const page = map(request.gref, true);
    if (page == nullptr) {
        refuse(kNoGrant);
        return false;
    }
    const char* const data = reinterpret_cast<const char*>(page) + request.offset;
    const Frame frame(data, data + request.size);
    unmap(request.gref);
    if (announces(frame)) {
        ++announcements_;
        machine_.sight(EventKind::link_announced, config.handle);
        return true;
    }
    ++frames_;
    if (wire) {
        wire(frame);
    }
    return true;
}

bool Netback::deliver(const Frame& frame) {
    for (std::size_t tries = 0; tries < queues_.size(); ++tries) {
        if (put(queues_[next_queue_++ % queues_.size()], frame)) {
            return true;
        }
    }
    return false;
}

bool Netback::put(Queue& queue, const Frame& frame) {
    netif_rx_back_ring& ring = queue.receive;
    if (RING_REQUEST_PROD_OVERFLOW(&ring, ring.sring->req_prod) ||
        ring.req_cons == ring.sring->req_prod) {
        return false;
    }
    netif_rx_request request;
    RING_COPY_REQUEST(&ring, ring.req_cons, &request);
    ++ring.req_cons;
    std::byte* const page = map(request.gref, false);
    const bool good = page != nullptr && frame.size() <= kPageSize;
    if (good) {
        std::memcpy(page, frame.data(), frame.size());
        unmap(request.gref);
    } else {
        refuse(kNoGrant);
    }
    netif_rx_response* response = RING_GET_RESPONSE(&ring, ring.rsp_prod_pvt);
    *response = {.id = request.id,
                 .offset = 0,
                 .flags = 0,
                 .status = good ? static_cast<int16_t>(frame.size()) : int16_t{NETIF_RSP_ERROR}};
    ++ring.rsp_prod_pvt;
    bool notify = false;
    RING_PUSH_RESPONSES_AND_CHECK_NOTIFY(&ring, notify);
    if (notify) {
        machine_.channels.raise(queue.port);
    }
    return good;
}

}  // namespace resume::model
