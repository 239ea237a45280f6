// A disk of the modelled guest, its backend, and a verified load on it.
#pragma once

#include <cstddef>

#include "drivers/blkfront/blkfront.h"
#include "drivers/model/backend/blkback.h"
#include "tests/stress/guest/guest_memory.h"
#include "tests/stress/guest/modelled_guest.h"
#include "tests/workload/disk_load.h"

namespace resume::stress {

class LoadedDisk {
  public:
    static constexpr uint32_t kQueues = 2;  ///< that its memory suffices for

    /// The guest is up. `bugs` are the driver's.
    LoadedDisk(ModelledGuest& guest, const model::BlkbackConfig& backing, uint32_t lanes,
               uint64_t seed, Bugs bugs);
    ~LoadedDisk();
    LoadedDisk(const LoadedDisk&) = delete;
    LoadedDisk& operator=(const LoadedDisk&) = delete;

    /// Registers it and lets it connect; false when it did not within a second.
    bool start();
    /// No new request, and what is under way comes to its end; false when it does not in 70 s.
    bool settle();
    /// Sectors of the backend's disk that do not hold what was written to them last.
    [[nodiscard]] uint32_t wrong_sectors() const;

  private:
    ModelledGuest& guest_;
    uint32_t lane_count_;
    GuestMemory<BlockQueueMemory> memory_{kQueues};
    GuestMemory<DiskLane> lanes_;
    // Never destroyed when the guest died in the middle of something.
    alignas(Blkfront) std::byte disk_memory_[sizeof(Blkfront)];

  public:
    model::Blkback& backend;
    Blkfront& disk;
    DiskLoad load;
};

}  // namespace resume::stress
