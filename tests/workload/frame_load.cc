#include "tests/workload/frame_load.h"

#include "tests/workload/mix.h"

namespace resume {
inline namespace v0 {
namespace {

constexpr uint32_t kType = 2 * kMacSize;
constexpr uint32_t kNumber = kType + 2;
constexpr uint32_t kBody = kNumber + 8;
constexpr uint32_t kLeast = 60;  ///< of an Ethernet
constexpr uint32_t kPatienceSeconds = 2;

}  // namespace

FrameLoad::FrameLoad(Machine& machine, const Link& net, uint64_t seed) noexcept
    : machine_{machine}, net_{net}, seed_{seed} {}

/// All but the addresses is a function of the number.
void FrameLoad::fill(char* frame, uint64_t number, uint32_t size) const noexcept {
    frame[kType] = static_cast<char>(kLoadEtherType >> 8);
    frame[kType + 1] = static_cast<char>(kLoadEtherType & 0xff);
    __builtin_memcpy(frame + kNumber, &number, sizeof number);
    uint64_t word = mix(seed_ ^ number << 11);
    for (uint32_t i = kBody; i < size; i += sizeof word, word += 0x9e3779b97f4a7c15) {
        const uint32_t rest = size - i;
        __builtin_memcpy(frame + i, &word, rest < sizeof word ? rest : sizeof word);
    }
}

void FrameLoad::send(Lane& lane) noexcept {
    const uint64_t number = number_ + 1;
    const auto size =
        static_cast<uint32_t>(kLeast + mix(seed_ ^ number) % (kFrameMax - kLeast + 1));
    for (uint32_t i = 0; i < kMacSize; ++i) {
        frame_[i] = static_cast<char>(0xff);
        frame_[kMacSize + i] = static_cast<char>(net_.mac[i]);
    }
    fill(frame_, number, size);
    if (net_.send(net_.self, frame_, size)) {
        number_ = number;
        lane = {.number = number,
                .size = size,
                .sent = raw_counter(machine_),
                .connection = net_.counters->connections};
    }
}

uint32_t FrameLoad::under_way() noexcept {
    uint32_t count = 0;
    const Ticks now = raw_counter(machine_);
    const Ticks patience = counter_hz(machine_) * kPatienceSeconds;
    for (Lane& lane : lanes_) {
        const bool torn = lane.connection != net_.counters->connections;
        if (lane.number != 0 && (torn || now - lane.sent > patience)) {
            give_up(lane);
        }
        count += lane.number != 0 ? 1U : 0U;
    }
    return count;
}

void FrameLoad::give_up(Lane& lane) noexcept {
    given_up_[next_given_up_++ % kGivenUp] = lane;
    lane.number = 0;
    ++lost_;
}

void FrameLoad::burst() noexcept {
    (void)under_way();
    for (Lane& lane : lanes_) {
        if (lane.number == 0) {
            send(lane);
        }
    }
}

void FrameLoad::on_received(void* self, const char* frame, uint32_t size) noexcept {
    static_cast<FrameLoad*>(self)->take(frame, size);
}

void FrameLoad::take(const char* frame, uint32_t size) noexcept {
    const bool ours = size >= kBody && frame[kType] == static_cast<char>(kLoadEtherType >> 8) &&
                      frame[kType + 1] == static_cast<char>(kLoadEtherType & 0xff);
    if (!ours) {
        return;  // a network has others, too
    }
    uint64_t number = 0;
    __builtin_memcpy(&number, frame + kNumber, sizeof number);
    for (Lane& lane : lanes_) {
        if (lane.number == number && number != 0) {
            compare(lane, frame, size);
            lane.number = 0;
            return;
        }
    }
    for (Lane& lane : given_up_) {
        if (lane.number == number && number != 0) {
            compare(lane, frame, size);
            lane.number = 0;
            --lost_;
            return;
        }
    }
    ++doubled_;
}

void FrameLoad::compare(const Lane& lane, const char* frame, uint32_t size) noexcept {
    fill(wanted_, lane.number, lane.size);
    const bool same =
        size == lane.size && __builtin_memcmp(frame + kType, wanted_ + kType, size - kType) == 0;
    ++(same ? came_back_ : wrong_);
}

}  // namespace v0
}  // namespace resume
