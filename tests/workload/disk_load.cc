#include "tests/workload/disk_load.h"

#include "tests/workload/mix.h"

namespace resume {
inline namespace v0 {
namespace {

constexpr uint32_t kWords = kSectorSize / sizeof(uint64_t);
constexpr uint32_t kOffsets = kPageSize / kSectorSize;  ///< where in a page data may begin
constexpr uint32_t kFlushEvery = 16;

/// The words of a sector: all 0 before it was written, then the one before and `step`.
struct Words {
    uint64_t first, step;
};
Words words_of(uint64_t number, uint32_t version) noexcept {
    if (version == 0) {
        return {.first = 0, .step = 0};
    }
    return {.first = mix(number << 32 ^ uint64_t{version}), .step = 0x9e3779b97f4a7c15};
}

}  // namespace

DiskLoad::DiskLoad(void* disk, Submit submit, DiskLane* lanes, uint32_t count,
                   uint64_t seed) noexcept
    : disk_{disk}, submit_{submit}, lanes_{lanes}, count_{count}, state_{mix(seed + 1)} {
    for (uint32_t i = 0; i < count; ++i) {
        lanes[i].load = this;
        lanes[i].first_sector = uint64_t{i} * kLaneSectors;
        lanes[i].request.completed = &DiskLoad::on_completed;
        lanes[i].request.argument = &lanes[i];
    }
}

uint32_t DiskLoad::random(uint32_t below) noexcept {
    state_ += 0x9e3779b97f4a7c15;
    return static_cast<uint32_t>(mix(state_) % below);
}

void DiskLoad::fill(char* sector, uint64_t number, uint32_t version) noexcept {
    const Words words = words_of(number, version);
    uint64_t word = words.first;
    for (uint32_t i = 0; i < kWords; ++i, word += words.step) {
        __builtin_memcpy(sector + i * sizeof word, &word, sizeof word);
    }
}

bool DiskLoad::holds(const char* sector, uint64_t number, uint32_t version) noexcept {
    const Words words = words_of(number, version);
    uint64_t wanted = words.first;
    uint64_t differs = 0;
    for (uint32_t i = 0; i < kWords; ++i, wanted += words.step) {
        uint64_t word = 0;
        __builtin_memcpy(&word, sector + i * sizeof word, sizeof word);
        differs |= word ^ wanted;
    }
    return differs == 0;
}

void DiskLoad::start() noexcept {
    running_ = true;
    for (uint32_t i = 0; i < count_; ++i) {
        if (!lanes_[i].request.accepted) {
            next(lanes_[i]);
        }
    }
}

void DiskLoad::submit(DiskLane& lane) noexcept {
    lane.completions = 0;
    if (submit_(disk_, lane.request).ok()) {
        ++under_way_;
    } else {
        ++failed_;
    }
}

void DiskLoad::next(DiskLane& lane) noexcept {
    if (!running_) {
        return;
    }
    ++lane.rounds;
    if (lane.rounds % kFlushEvery == 0) {
        lane.request.operation = BlockRequest::Operation::flush;
        lane.request.sectors = 0;
        ++flushes_;
        submit(lane);
    } else {
        write(lane);
    }
}

void DiskLoad::write(DiskLane& lane) noexcept {
    lane.begin = random(kLaneSectors);
    lane.count = 1 + random(kLaneSectors - lane.begin);
    lane.offset = random(kOffsets);
    lane.reading = false;
    char* data = lane.buffer + lane.offset * kSectorSize;
    for (uint32_t i = 0; i < lane.count; ++i) {
        const uint32_t version = ++lane.versions[lane.begin + i];
        fill(data + i * kSectorSize, lane.first_sector + lane.begin + i, version);
    }
    lane.request.operation = BlockRequest::Operation::write;
    lane.request.sector = lane.first_sector + lane.begin;
    lane.request.sectors = lane.count;
    lane.request.data = data;
    ++writes_;
    submit(lane);
}

void DiskLoad::read_back(DiskLane& lane) noexcept {
    lane.reading = true;
    __builtin_memset(lane.request.data, 0xa5, lane.count * kSectorSize);
    lane.request.operation = BlockRequest::Operation::read;
    ++reads_;
    submit(lane);
}

void DiskLoad::compare(DiskLane& lane) noexcept {
    const char* data = lane.buffer + lane.offset * kSectorSize;
    for (uint32_t i = 0; i < lane.count; ++i) {
        const uint32_t at = lane.begin + i;
        if (!holds(data + i * kSectorSize, lane.first_sector + at, lane.versions[at])) {
            ++mismatches_;
        }
    }
}

void DiskLoad::on_completed(void* argument, BlockRequest& request, Errc result) noexcept {
    auto& lane = *static_cast<DiskLane*>(argument);
    DiskLoad& load = *lane.load;
    ++lane.completions;
    if (lane.completions > 1 || request.accepted) {
        ++load.doubled_;
        return;
    }
    --load.under_way_;
    if (result != Errc::none) {
        ++load.failed_;
        return;  // a disk that is gone has nothing more to do
    }
    if (request.operation == BlockRequest::Operation::write) {
        load.read_back(lane);
        return;
    }
    if (request.operation == BlockRequest::Operation::read) {
        load.compare(lane);
    }
    load.next(lane);
}

}  // namespace v0
}  // namespace resume
