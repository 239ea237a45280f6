// A modelled guest with a disk under a verified load: what the reports about disks are told with.
#pragma once

#include "tests/scenario/scenario.h"
#include "tests/stress/guest/loaded_disk.h"

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

    explicit DiskGuest(const ModelledGuestConfig& config,
                       const model::BlkbackConfig& backing = a_disk(), uint64_t seed = 1)
        : guest_{guest_up(config)}, loaded_{*guest_, backing, kLanes, seed, config.bugs} {
        machine().toolstack.down_timeout = 2 * model::kSecond;  // of a refusal
        EXPECT_TRUE(loaded_.start());
        run([this] { load.start(); });
        idle(20 * model::kMillisecond);
    }

    [[nodiscard]] ModelledGuest& guest() { return *guest_; }
    [[nodiscard]] Machine& machine() { return guest_->machine(); }
    Cycle cycle(HostAct act) { return guest_->cycle(act); }
    model::RunResult idle(Nanoseconds time) { return guest_->idle(time); }
    model::RunResult run(std::function<void()> code) { return guest_->run(std::move(code)); }
    bool settle() { return loaded_.settle(); }

    /// The load went on, nothing was lost or doubled, and the oracle has nothing to say.
    void expect_all_well() {
        const uint64_t before = load.writes();
        idle(50 * model::kMillisecond);
        EXPECT_GT(load.writes(), before) << "the disk is dead";
        EXPECT_TRUE(settle()) << load.under_way() << " requests never completed";
        EXPECT_TRUE(load.clean()) << load.failed() << " failed, " << load.mismatches()
                                  << " sectors wrong, " << load.doubled() << " doubled";
        EXPECT_EQ(loaded_.wrong_sectors(), 0U);
        EXPECT_EQ(disk.malformed() + disk.leaked_grants(), 0U);
        expect_clean(*guest_);
    }

  private:
    std::unique_ptr<ModelledGuest> guest_;
    stress::LoadedDisk loaded_;

  public:
    model::Blkback& backend = loaded_.backend;
    Blkfront& disk = loaded_.disk;
    DiskLoad& load = loaded_.load;
};

}  // namespace resume::scenario
