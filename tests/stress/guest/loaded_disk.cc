#include "tests/stress/guest/loaded_disk.h"

#include <new>

namespace resume::stress {

LoadedDisk::LoadedDisk(ModelledGuest& guest, const model::BlkbackConfig& backing, uint32_t lanes,
                       uint64_t seed, Bugs bugs)
    : guest_{guest},
      lane_count_{lanes},
      lanes_{lanes},
      backend{guest.machine().add_backend<model::Blkback>(backing)},
      disk{*new (disk_memory_)
               Blkfront{guest.machine(),
                        guest.guest().events(),
                        guest.guest().grants(),
                        guest.guest().store(),
                        {.name = "disk", .memory = memory_.get(), .queues = kQueues},
                        bugs}},
      load{disk, lanes_.get(), lanes, seed} {}

bool LoadedDisk::start() {
    guest_.work_with([this] { disk.pump(); });
    guest_.run([this] {
        RESUME_ASSERT(guest_.guest().add(disk).ok());
        disk.start();
    });
    guest_.idle(model::kSecond);
    return disk.connected();
}

LoadedDisk::~LoadedDisk() {
    if (!guest_.machine().alive() || guest_.guest().engine().running()) {
        return;  // a dead guest's objects cannot be taken apart
    }
    guest_.work_with(nullptr);
    guest_.run([this] {
        load.stop();
        disk.stop();
        if (disk.registered()) {
            RESUME_ASSERT(guest_.guest().remove(disk).ok());
        }
    });
    backend.vanish();  // it writes to our pages for as long as it has them
    if (guest_.machine().alive()) {
        disk.~Blkfront();
    }
}

bool LoadedDisk::settle() {
    guest_.run([this] { load.stop(); });
    for (int second = 0; second < 70 && !load.idle(); ++second) {
        guest_.idle(model::kSecond);
    }
    return load.idle();
}

uint32_t LoadedDisk::wrong_sectors() const {
    uint32_t wrong = 0;
    for (uint32_t i = 0; i < lane_count_ * kLaneSectors; ++i) {
        const DiskLane& lane = lanes_.get()[i / kLaneSectors];
        const char* sector = reinterpret_cast<const char*>(backend.sectors.data()) +
                             static_cast<size_t>(i) * kSectorSize;
        wrong += DiskLoad::holds(sector, i, lane.versions[i % kLaneSectors]) ? 0U : 1U;
    }
    return wrong;
}

}  // namespace resume::stress
