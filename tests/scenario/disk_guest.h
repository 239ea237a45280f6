// A modelled guest with a disk under a verified load: what the reports about disks are told with.
#pragma once

#include "drivers/model/backend/blkback.h"
#include "tests/graveyard.h"
#include "tests/scenario/scenario.h"
#include "tests/workload/disk_load.h"

namespace resume::scenario {

inline model::BlkbackConfig a_disk(uint32_t queues = 1, uint32_t indirect = 0) {
    model::BlkbackConfig config;
    config.queues = queues;
    config.indirect_segments = indirect;
    return config;
}

class DiskGuest {
  public:
    static constexpr uint32_t kLanes = 6;
    static constexpr uint32_t kQueues = 2;

    explicit DiskGuest(const ModelledGuestConfig& config,
                       const model::BlkbackConfig& backing = a_disk(), uint64_t seed = 1)
        : guest_{guest_up(config)},
          backend{machine().add_backend<model::Blkback>(backing)},
          disk{*new Blkfront{machine(),
                             guest_->guest().events(),
                             guest_->guest().grants(),
                             guest_->guest().store(),
                             {.name = "disk", .memory = memory_.get(), .queues = kQueues},
                             config.bugs}},
          load{disk, lanes_.get(), kLanes, seed} {
        machine().toolstack.down_timeout = 2 * model::kSecond;  // of a refusal
        guest_->work_with([this] { disk.pump(); });
        run([this] {
            ASSERT_TRUE(guest_->guest().add(disk).ok());
            disk.start();
        });
        idle(model::kSecond);
        EXPECT_TRUE(disk.connected());
        run([this] { load.start(); });
        idle(20 * model::kMillisecond);
    }
    ~DiskGuest() {
        if (!machine().alive() || guest_->guest().engine().running()) {
            // A dead guest's objects cannot be taken apart: they stay where they are.
            test::bury({&disk, memory_.release(), lanes_.release()});
            return;
        }
        run([this] {
            load.stop();
            disk.stop();
            EXPECT_TRUE(guest_->guest().remove(disk).ok());
        });
        backend.vanish();  // it writes to our pages for as long as it has them
        if (!load.idle()) {
            // Requests that a bug lost are waited for by their lanes for ever.
            test::bury({lanes_.release()});
        }
        delete &disk;
    }
    DiskGuest(const DiskGuest&) = delete;
    DiskGuest& operator=(const DiskGuest&) = delete;

    [[nodiscard]] ModelledGuest& guest() { return *guest_; }
    [[nodiscard]] Machine& machine() { return guest_->machine(); }
    Cycle cycle(HostAct act) { return guest_->cycle(act); }
    model::RunResult idle(Nanoseconds time) { return guest_->idle(time); }
    model::RunResult run(std::function<void()> code) { return guest_->run(std::move(code)); }

    /// No new request, and what is under way comes to its end; false when it does not in 70 s.
    bool settle() {
        run([this] { load.stop(); });
        for (int second = 0; second < 70 && !load.idle(); ++second) {
            idle(model::kSecond);
        }
        return load.idle();
    }
    /// Sectors of the backend's disk that do not hold what was written to them last.
    uint32_t wrong_sectors() {
        uint32_t wrong = 0;
        for (uint32_t i = 0; i < kLanes * kLaneSectors; ++i) {
            const DiskLane& lane = lanes_[i / kLaneSectors];
            const char* sector = reinterpret_cast<const char*>(backend.sectors.data()) +
                                 static_cast<size_t>(i) * kSectorSize;
            wrong += DiskLoad::holds(sector, i, lane.versions[i % kLaneSectors]) ? 0U : 1U;
        }
        return wrong;
    }
    /// The load went on, nothing was lost or doubled, and the oracle has nothing to say.
    void expect_all_well() {
        const uint64_t before = load.writes();
        idle(50 * model::kMillisecond);
        EXPECT_GT(load.writes(), before) << "the disk is dead";
        EXPECT_TRUE(settle()) << load.under_way() << " requests never completed";
        EXPECT_TRUE(load.clean()) << load.failed() << " failed, " << load.mismatches()
                                  << " sectors wrong, " << load.doubled() << " doubled";
        EXPECT_EQ(wrong_sectors(), 0U);
        EXPECT_EQ(disk.malformed() + disk.leaked_grants(), 0U);
        expect_clean(*guest_);
    }

  private:
    std::unique_ptr<ModelledGuest> guest_;
    std::unique_ptr<BlockQueueMemory[]> memory_{new BlockQueueMemory[kQueues]};
    std::unique_ptr<DiskLane[]> lanes_{new DiskLane[kLanes]};

  public:
    model::Blkback& backend;
    Blkfront& disk;
    DiskLoad load;
};

}  // namespace resume::scenario
