// A verified load for a disk: lanes that write a pattern, read it back and compare, each in sectors
// of its own, with many requests under way and of every size up to one that has to be split. What a
// sector must hold is a function of its number and of how often it was written, so a write that was
// lost, carried out twice out of order, or ended before it was done shows, in the guest and in the
// disk's file. Core's subset: the same objects load the modelled disk and a real one.
#pragma once

#include "drivers/block/part.h"

namespace resume {
inline namespace v0 {

/// Sectors of one lane: 64 KiB, more than a request on the ring takes without indirect segments.
inline constexpr uint32_t kLaneSectors = 128;

struct alignas(kPageSize) DiskLane {
    char buffer[kLaneSectors * kSectorSize + kPageSize];
    BlockRequest request;
    class DiskLoad* load = nullptr;
    uint64_t first_sector = 0;
    uint32_t versions[kLaneSectors] = {};  ///< how often each sector was written
    uint32_t begin = 0, count = 0;         ///< of the request under way, within the lane
    uint32_t offset = 0;                   ///< of the data in the buffer, in sectors
    uint32_t completions = 0;              ///< of the request under way; more than one is an error
    bool reading = false;
    uint64_t rounds = 0;
};

class DiskLoad {
  public:
    /// `lanes` lanes of the caller's; the disk, whatever driver it is of, has at least kLaneSectors
    /// for each, from sector 0.
    template <class Disk>
    DiskLoad(Disk& disk, DiskLane* lanes, uint32_t count, uint64_t seed) noexcept
        : DiskLoad{&disk,
                   [](void* of, BlockRequest& request) noexcept {
                       return static_cast<Disk*>(of)->submit(request);
                   },
                   lanes, count, seed} {}

    // Thread context, CPU 0.
    /// Keeps every lane busy from here on.
    void start() noexcept;
    /// No new request; done when idle().
    void stop() noexcept { running_ = false; }
    [[nodiscard]] bool idle() const noexcept { return under_way_ == 0; }

    [[nodiscard]] uint64_t writes() const noexcept { return writes_; }
    [[nodiscard]] uint64_t reads() const noexcept { return reads_; }
    [[nodiscard]] uint64_t flushes() const noexcept { return flushes_; }
    [[nodiscard]] uint32_t under_way() const noexcept { return under_way_; }
    /// Requests that failed, sectors that did not hold what they should, requests ended twice.
    [[nodiscard]] uint64_t failed() const noexcept { return failed_; }
    [[nodiscard]] uint64_t mismatches() const noexcept { return mismatches_; }
    [[nodiscard]] uint64_t doubled() const noexcept { return doubled_; }
    [[nodiscard]] bool clean() const noexcept { return failed_ + mismatches_ + doubled_ == 0; }

    /// What a sector written `version` times holds; for whoever looks at the disk's file.
    static void fill(char* sector, uint64_t number, uint32_t version) noexcept;
    static bool holds(const char* sector, uint64_t number, uint32_t version) noexcept;

  private:
    using Submit = Result<> (*)(void* disk, BlockRequest& request) noexcept;

    DiskLoad(void* disk, Submit submit, DiskLane* lanes, uint32_t count, uint64_t seed) noexcept;
    void next(DiskLane& lane) noexcept;
    void write(DiskLane& lane) noexcept;
    void read_back(DiskLane& lane) noexcept;
    void compare(DiskLane& lane) noexcept;
    void submit(DiskLane& lane) noexcept;
    uint32_t random(uint32_t below) noexcept;
    static void on_completed(void* lane, BlockRequest& request, Errc result) noexcept;

    void* disk_;
    Submit submit_;
    DiskLane* lanes_;
    uint32_t count_;
    uint64_t state_;
    bool running_ = false;
    uint32_t under_way_ = 0;
    uint64_t writes_ = 0;
    uint64_t reads_ = 0;
    uint64_t flushes_ = 0;
    uint64_t failed_ = 0;
    uint64_t mismatches_ = 0;
    uint64_t doubled_ = 0;
};

}  // namespace v0
}  // namespace resume
