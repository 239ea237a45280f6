#include "drivers/model/backend/blkback.h"

#include "drivers/model/machine.h"

namespace resume::model {

namespace {

constexpr uint32_t kSector = 512;
constexpr uint32_t kSectorsPerPage = kPageSize / kSector;
constexpr int32_t kBeyondOffer = 1, kNoGrant = 2, kMalformed = 3;  // io_refused

}  // namespace

Blkback::Blkback(Machine& machine, const BlkbackConfig& configuration)
    : Backend{machine, configuration},
      disk{configuration},
      sectors(std::size_t{configuration.sectors} * kSector),
      offered_{configuration} {}

void Blkback::publish_features() {
    offered_ = disk;
    offer("multi-queue-max-queues", offered_.queues);
}

bool Blkback::connect() {
    queues_.clear();
    persistent_ = offered_.persistent && frontend_number("feature-persistent", 0) == 1;
    const uint64_t queues = frontend_number("multi-queue-num-queues", 1);
    if (queues > offered_.queues) {
        refuse(kBeyondOffer);
        return false;
    }
    // One queue has no directory of its own, whether its number is said or not.
    bool good = queues != 1 || connect_queue("");
    for (uint64_t i = 0; i < queues && queues > 1 && good; ++i) {
        good = connect_queue("queue-" + std::to_string(i) + "/");
    }
    if (!good) {
        disconnect(false);
        return false;
    }
    // As Linux does: the rest is told only now, and until then what an earlier connection left
    // stands there.
    offer("feature-flush-cache", offered_.flush ? 1 : 0);
    offer("feature-persistent", offered_.persistent ? 1 : 0);
    offer("feature-max-indirect-segments", offered_.indirect_segments);
    offer("sectors", sectors.size() / kSector);
    offer("sector-size", kSector);
    offer("info", 0);
    return true;
}

bool Blkback::connect_queue(const std::string& directory) {
    Queue queue;
    queue.reference = static_cast<uint32_t>(frontend_number(directory + "ring-ref", 0));
    queue.port = static_cast<Port>(frontend_number(directory + "event-channel", 0));
    std::byte* const page = map(queue.reference, false);
    if (page == nullptr) {
        refuse(kNoGrant);
        return false;
    }
    auto* shared = reinterpret_cast<blkif_sring*>(page);
    BACK_RING_INIT(&queue.ring, shared, kPageSize);
    const auto index = static_cast<uint32_t>(queues_.size());
    if (!machine_.channels.join(queue.port, domain(), [this, index] { notified(index); })) {
        unmap(queue.reference);
        refuse(kMalformed);
        return false;
    }
    queues_.push_back(queue);
    // Requests that were there before the channel was bound.
    later(offered_.service / 4, [this, index] { take(index); });
    return true;
}

void Blkback::disconnect(bool crash) {
    // Some of what is under way reaches the disk, some does not; nobody hears of either.
    for (const auto& [number, request] : pending_) {
        unanswered_ += 1;
        if (machine_.jitter(1) != 0) {
            carry_out(request);
        }
    }
    pending_.clear();
    for (const auto& [reference, page] : kept_) {
        unmap(reference);
    }
    kept_.clear();
    for (const Queue& queue : queues_) {
        unmap(queue.reference);
        if (!crash) {
            machine_.channels.leave(queue.port);
        }
    }
    queues_.clear();
}

void Blkback::notified(uint32_t queue) {
    later(offered_.service / 4, [this, queue] { take(queue); });
}

void Blkback::take(uint32_t index) {
    if (index >= queues_.size()) {
        return;
    }
    blkif_back_ring& ring = queues_[index].ring;
    int more = 0;
    do {
        if (RING_REQUEST_PROD_OVERFLOW(&ring, ring.sring->req_prod)) {
            refuse(kMalformed);
            return;
        }
        while (ring.req_cons != ring.sring->req_prod) {
            blkif_request raw;
            RING_COPY_REQUEST(&ring, ring.req_cons, &raw);
            ++ring.req_cons;
            Request request;
            if (!decode(index, raw, request)) {
                answer(index, request.id, raw.operation, BLKIF_RSP_ERROR);
                continue;
            }
            const uint64_t number = next_++;
            pending_[number] = std::move(request);
            later(offered_.service, [this, number] { serve(number); });
        }
        RING_FINAL_CHECK_FOR_REQUESTS(&ring, more);
    } while (more != 0);
}

bool Blkback::decode(uint32_t queue, const blkif_request& raw, Request& request) {
    request.queue = queue;
    request.id = raw.id;
    request.operation = raw.operation;
    request.sector = raw.sector_number;
    if (raw.operation == BLKIF_OP_INDIRECT) {
        return decode_indirect(raw, request);
    }
    if (raw.nr_segments > BLKIF_MAX_SEGMENTS_PER_REQUEST) {
        refuse(kBeyondOffer);
        return false;
    }
    for (uint32_t i = 0; i < raw.nr_segments; ++i) {
        request.segments.push_back({raw.seg[i].gref, raw.seg[i].first_sect, raw.seg[i].last_sect});
    }
    return true;
}

bool Blkback::decode_indirect(const blkif_request& raw, Request& request) {
    blkif_request_indirect indirect;
    std::memcpy(&indirect, &raw, sizeof indirect);
    request.id = indirect.id;
    request.operation = indirect.indirect_op;
    request.sector = indirect.sector_number;
    if (indirect.nr_segments > offered_.indirect_segments) {
        refuse(kBeyondOffer);
        return false;
    }
    // With persistent grants it keeps this page as well, and maps it to write.
    std::byte* const page = page_of(indirect.indirect_grefs[0], true);
    if (page == nullptr) {
        refuse(kNoGrant);
        return false;
    }
    const auto* segments = reinterpret_cast<const blkif_request_segment*>(page);
    for (uint32_t i = 0; i < indirect.nr_segments; ++i) {
        request.segments.push_back(
            {segments[i].gref, segments[i].first_sect, segments[i].last_sect});
    }
    if (!persistent_) {
        unmap(indirect.indirect_grefs[0]);
    }
    return true;
}

void Blkback::serve(uint64_t number) {
    const auto found = pending_.find(number);
    const Request request = std::move(found->second);
    pending_.erase(found);
    const bool good = carry_out(request);
    answer(request.queue, request.id, request.operation,
           static_cast<int16_t>(good ? BLKIF_RSP_OKAY : BLKIF_RSP_ERROR));
}

bool Blkback::carry_out(const Request& request) {
    ++served_;
    if (request.operation == BLKIF_OP_FLUSH_DISKCACHE) {
        ++flushes_;
        return true;
    }
    if (request.operation != BLKIF_OP_READ && request.operation != BLKIF_OP_WRITE) {
        refuse(kMalformed);
        return false;
    }
    uint64_t sector = request.sector;
    for (const Segment& segment : request.segments) {
        if (!move(request, segment, sector)) {
            return false;
        }
    }
    return true;
}

bool Blkback::move(const Request& request, const Segment& segment, uint64_t& sector) {
    const bool writes = request.operation == BLKIF_OP_WRITE;
    if (segment.first > segment.last || segment.last >= kSectorsPerPage ||
        (sector + segment.last - segment.first + 1) * kSector > sectors.size()) {
        refuse(kMalformed);
        return false;
    }
    std::byte* const page = page_of(segment.reference, writes && !persistent_);
    if (page == nullptr) {
        refuse(kNoGrant);
        return false;
    }
    const std::size_t size = std::size_t{segment.last - segment.first + 1U} * kSector;
    std::byte* const there = page + std::size_t{segment.first} * kSector;
    std::byte* const here = sectors.data() + sector * kSector;
    std::memcpy(writes ? here : there, writes ? there : here, size);
    sector += segment.last - segment.first + 1U;
    if (!persistent_) {
        unmap(segment.reference);
    }
    return true;
}

std::byte* Blkback::page_of(uint32_t reference, bool readonly) {
    if (!persistent_) {
        return map(reference, readonly);
    }
    const auto found = kept_.find(reference);
    if (found != kept_.end()) {
        return found->second;
    }
    std::byte* const page = map(reference, false);
    if (page != nullptr) {
        kept_[reference] = page;
    }
    return page;
}

void Blkback::answer(uint32_t queue, uint64_t id, uint8_t operation, int16_t status) {
    if (queue >= queues_.size()) {
        return;
    }
    blkif_back_ring& ring = queues_[queue].ring;
    blkif_response* const response = RING_GET_RESPONSE(&ring, ring.rsp_prod_pvt);
    *response = {.id = id, .operation = operation, .status = status};
    ++ring.rsp_prod_pvt;
    bool notify = false;
    RING_PUSH_RESPONSES_AND_CHECK_NOTIFY(&ring, notify);
    if (notify) {
        machine_.channels.raise(queues_[queue].port);
    }
}

}  // namespace resume::model
