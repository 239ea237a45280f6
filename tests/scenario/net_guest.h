// A modelled guest with a network interface under a verified load, and a peer that sends each frame
// back: what the reports about interfaces are told with.
#pragma once

#include "tests/scenario/scenario.h"
#include "tests/stress/guest/loaded_net.h"

namespace resume::scenario {

inline model::NetbackConfig an_interface(uint32_t queues = 1) {
    model::NetbackConfig config;
    config.queues = queues;
    return config;
}

class NetGuest {
  public:
    explicit NetGuest(const ModelledGuestConfig& config,
                      const model::NetbackConfig& backing = an_interface(), uint64_t seed = 1)
        : guest_{guest_up(config)}, loaded_{*guest_, backing, seed, config.bugs} {
        machine().toolstack.down_timeout = 2 * model::kSecond;  // of a refusal
        loaded_.running = true;
        guest_->work_with([this] { loaded_.pump(); });
        loaded_.start();
        idle(model::kSecond);
        EXPECT_TRUE(net.connected());
    }

    [[nodiscard]] ModelledGuest& guest() { return *guest_; }
    [[nodiscard]] Machine& machine() { return guest_->machine(); }
    Cycle cycle(HostAct act) { return guest_->cycle(act); }
    model::RunResult idle(Nanoseconds time) { return guest_->idle(time); }
    /// The guest lets go of its interface.
    void remove() { (void)loaded_.remove(); }
    /// Frames go on, each came back as it was or is known to be lost, and the oracle has nothing to
    /// say; in particular, the network knows where the guest is.
    void expect_all_well() {
        const uint64_t before = load.came_back();
        idle(3 * model::kSecond);  // lanes that wait for what is lost give it up
        EXPECT_GT(load.came_back(), before) << "the link is dead";
        loaded_.running = false;
        idle(3 * model::kSecond);
        EXPECT_EQ(load.under_way(), 0U);
        EXPECT_EQ(load.sent(), load.came_back() + load.lost());
        EXPECT_EQ(load.wrong() + load.doubled(), 0U);
        EXPECT_LE(net.counters().lost, load.lost());
        EXPECT_EQ(net.malformed() + net.leaked_grants(), 0U);
        loaded_.running = true;
        cycle(HostAct::checkpoint);  // where a missing announcement is complained of
        expect_clean(*guest_);
    }

  private:
    std::unique_ptr<ModelledGuest> guest_;
    stress::LoadedNet loaded_;

  public:
    model::Netback& backend = loaded_.backend;
    Netfront& net = loaded_.net;
    FrameLoad& load = loaded_.load;
};

}  // namespace resume::scenario
