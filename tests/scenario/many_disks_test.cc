// How long many frontends take, and how many round trips to the store: all of them take their steps
// side by side.
#include "drivers/blkfront/blkfront.h"
#include "drivers/model/backend/blkback.h"
#include "tests/scenario/scenario.h"

namespace resume::scenario {
namespace {

struct Coming {
    uint64_t requests = 0;  ///< to the store
    uint64_t rounds = 0;    ///< round trips to the store, of however many requests
    Nanoseconds time = 0;
};

/// Idle disks, many of them.
class IdleDisks {
  public:
    explicit IdleDisks(uint32_t count) : memory_{new BlockQueueMemory[count]} {
        for (uint32_t i = 0; i < count; ++i) {
            model::BlkbackConfig config;
            config.handle += 16 * i;
            guest_->machine().add_backend<model::Blkback>(config);
            disks_.push_back(std::make_unique<Blkfront>(
                guest_->machine(), guest_->guest().events(), guest_->guest().grants(),
                guest_->guest().store(),
                BlkfrontConfig{.handle = config.handle, .memory = &memory_[i]}, Bugs{}));
            guest_->run([&] { ASSERT_TRUE(guest_->guest().add(*disks_.back()).ok()); });
        }
        guest_->idle(model::kSecond);
    }
    ~IdleDisks() {
        guest_->run([&] {
            for (auto& disk : disks_) {
                EXPECT_TRUE(disk->connected());
                disk->stop();
                EXPECT_TRUE(guest_->guest().remove(*disk).ok());
            }
        });
        for (auto& backend : guest_->machine().backends) {
            backend->vanish();
        }
    }
    IdleDisks(const IdleDisks&) = delete;
    IdleDisks& operator=(const IdleDisks&) = delete;

    /// From nothing to connected: all of them together, or each when the one before it is.
    Coming connect(bool together) {
        return measured([&] {
            const Nanoseconds begin = guest_->machine().clock.now();
            for (std::size_t i = 0; i < disks_.size(); ++i) {
                guest_->run([&] { disks_[i]->start(); });
                if (!together || i + 1 == disks_.size()) {
                    wait_for_all(i + 1);
                }
            }
            return guest_->machine().clock.now() - begin;
        });
    }
    /// From the hypercall's return to the end of the cycle.
    Coming restore() {
        return measured([&] {
            const Cycle cycle = guest_->cycle(HostAct::save_restore);
            EXPECT_TRUE(cycle.is(Outcome::resumed));
            EXPECT_EQ(cycle.result->errors_up, 0U);
            expect_clean(*guest_);
            return oracle::to_ns(guest_->view(),
                                 cycle.result->end_ticks - cycle.result->back_ticks);
        });
    }

  private:
    Coming measured(const std::function<Nanoseconds()>& act) {
        const model::StoreRing& ring = guest_->machine().store_ring;
        const Coming before{ring.requests(), ring.rounds()};
        const Nanoseconds time = act();
        return {ring.requests() - before.requests, ring.rounds() - before.rounds, time};
    }
    void wait_for_all(std::size_t count) {
        for (std::size_t i = 0; i < count; ++i) {
            for (int tries = 0; tries < 100'000 && !disks_[i]->connected(); ++tries) {
                guest_->idle(20 * model::kMicrosecond);
            }
        }
    }

    std::unique_ptr<BlockQueueMemory[]> memory_;
    std::unique_ptr<ModelledGuest> guest_{guest_up(with(Bug::none))};
    std::vector<std::unique_ptr<Blkfront>> disks_;
};

Coming restored(uint32_t count) {
    IdleDisks disks{count};
    disks.connect(true);
    return disks.restore();
}

unsigned long long print(uint64_t value) {
    return value;
}

// Every step of every disk is under way at the same time: many cost little more than one.
TEST(ManyDisks, ComeBackSideBySide) {
    const Coming none = restored(0);
    const Coming one = restored(1);
    for (const uint32_t count : {1U, 8U, 32U}) {
        const Coming many = restored(count);
        std::printf(
            "%2u disks, restored: %3llu store requests of theirs in %2llu round trips, %llu "
            "us from the hypercall's return to all connected (virtual time)\n",
            count, print(many.requests - none.requests), print(many.rounds - none.rounds),
            print(many.time / 1'000));
        EXPECT_LE(many.requests - none.requests, count * (one.requests - none.requests));
        EXPECT_LT(many.time, count == 1 ? 2 * one.time : count * one.time / 3);
    }
}

TEST(ManyDisks, ConnectingTogetherIsFasterThanOneAtATime) {
    for (const uint32_t count : {1U, 8U, 32U}) {
        IdleDisks side_by_side{count};
        IdleDisks in_turn{count};
        const Coming together = side_by_side.connect(true);
        const Coming alone = in_turn.connect(false);
        std::printf(
            "%2u disks, connected together: %3llu store requests in %3llu round trips, %llu "
            "us; one at a time: %3llu in %3llu, %llu us (virtual time)\n",
            count, print(together.requests), print(together.rounds), print(together.time / 1'000),
            print(alone.requests), print(alone.rounds), print(alone.time / 1'000));
        EXPECT_LE(together.requests, alone.requests + count);
        if (count > 1) {
            EXPECT_LT(together.rounds, alone.rounds / 2);
            EXPECT_LT(together.time, alone.time / 2);
        }
    }
}

}  // namespace
}  // namespace resume::scenario
