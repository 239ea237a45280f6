#include "tests/kernel/disk.h"

#include <new>

#include "tests/kernel/machine_state.h"
#include "tests/kernel/wait.h"

namespace kernel {
namespace {

using resume::Errc;
using resume::kSectorSize;

constexpr uint32_t kQueues = 2;
constexpr uint32_t kPauseMs = 250;
constexpr uint32_t kPatienceSeconds = 30;

constinit resume::BlockQueueMemory g_memory[kQueues] = {};
/// Without the pages of zeroes that an array of lanes would put into the kernel's file.
alignas(resume::DiskLane) constinit uint8_t g_lanes[Disk::kMaxLanes][sizeof(resume::DiskLane)] = {};

resume::DiskLane* lanes() noexcept {
    return reinterpret_cast<resume::DiskLane*>(g_lanes);
}

/// CRC-32 as Ethernet and zlib have it: what a host with nothing but busybox can make of the disk's
/// file.
class Checksum {
  public:
    void add(const char* data, uint32_t size) noexcept {
        constexpr uint32_t kPolynomial = 0xedb88320;
        for (uint32_t i = 0; i < size; ++i) {
            sum_ ^= static_cast<uint8_t>(data[i]);
            for (uint32_t bit = 0; bit < 8; ++bit) {
                sum_ = sum_ >> 1 ^ ((sum_ & 1) != 0 ? kPolynomial : 0);
            }
        }
    }
    [[nodiscard]] uint32_t value() const noexcept { return ~sum_; }

  private:
    uint32_t sum_ = ~0U;
};

/// Made before the load that is built on them.
uint32_t make_lanes(uint32_t count) noexcept {
    RESUME_ASSERT(count <= Disk::kMaxLanes);
    for (uint32_t i = 0; i < count; ++i) {
        new (g_lanes[i]) resume::DiskLane;
    }
    return count;
}

}  // namespace

Disk::Disk(resume::Machine& machine, resume::XenGuest& guest, const CommandLine& words) noexcept
    : machine_{machine},
      guest_{guest},
      lanes_{make_lanes(words.disk)},
      front_{machine,
             guest.events(),
             guest.grants(),
             guest.store(),
             {.name = "disk",
              .memory = g_memory,
              .queues = kQueues,
              .persistent_grants = words.persistent},
             words.bugs},
      load_{front_, lanes(), lanes_, words.seed} {}

resume::Result<> Disk::add() noexcept {
    return lanes_ != 0 ? guest_.add(front_) : resume::Result<>{};
}

resume::Result<> Disk::start() noexcept {
    if (lanes_ == 0) {
        return {};
    }
    front_.start();
    const bool up = wait_until(
        machine_, guest_, kPatienceSeconds, [this] { return front_.connected() || front_.gone(); },
        [this] { front_.pump(); });
    if (!up || front_.gone()) {
        return up ? Errc::gone : Errc::timed_out;
    }
    if (front_.info().sectors < lanes_ * resume::kLaneSectors) {
        return {Errc::no_space, static_cast<int32_t>(front_.info().sectors)};
    }
    hurry();
    return {};
}

void Disk::run() noexcept {
    if (lanes_ == 0) {
        return;
    }
    front_.pump();
    if (!held_ && raw_counter(machine_) >= next_) {
        hurry();
    }
}

void Disk::hurry() noexcept {
    if (lanes_ == 0) {
        return;
    }
    held_ = false;
    load_.start();
    load_.stop();  // each lane finishes its round: written, read back, compared
    next_ = raw_counter(machine_) + machine_.hz / 1000 * kPauseMs;
}

uint32_t Disk::checksum() const noexcept {
    Checksum sum;
    char sector[kSectorSize];
    for (uint32_t i = 0; i < lanes_ * resume::kLaneSectors; ++i) {
        const resume::DiskLane& lane = lanes()[i / resume::kLaneSectors];
        resume::DiskLoad::fill(sector, i, lane.versions[i % resume::kLaneSectors]);
        sum.add(sector, kSectorSize);
    }
    return sum.value();
}

void Disk::report() noexcept {
    held_ = true;
    const bool settled = wait_until(
        machine_, guest_, kPatienceSeconds, [this] { return load_.idle(); },
        [this] { front_.pump(); });
    print(Line{}
              .text("DISK under_way=")
              .decimal(settled ? 0 : load_.under_way())
              .text(" writes=")
              .decimal(load_.writes())
              .text(" replayed=")
              .decimal(front_.replayed())
              .text(" failed=")
              .decimal(load_.failed())
              .text(" wrong=")
              .decimal(load_.mismatches())
              .text(" doubled=")
              .decimal(load_.doubled())
              .text(" odd=")
              .decimal(front_.malformed() + front_.leaked_grants())
              .text(" bytes=")
              .decimal(uint64_t{lanes_} * resume::kLaneSectors * kSectorSize)
              .text(" crc32=")
              .hex(checksum()));
}

}  // namespace kernel
