// A modelled guest with a network interface under a verified load, and a peer that sends each frame
// back: what the reports about interfaces are told with.
#pragma once

#include "drivers/model/backend/netback.h"
#include "tests/graveyard.h"
#include "tests/scenario/scenario.h"
#include "tests/workload/frame_load.h"

namespace resume::scenario {

inline model::NetbackConfig an_interface(uint32_t queues = 1) {
    model::NetbackConfig config;
    config.queues = queues;
    return config;
}

class NetGuest {
  public:
    static constexpr uint32_t kQueues = 2;

    explicit NetGuest(const ModelledGuestConfig& config,
                      const model::NetbackConfig& backing = an_interface(), uint64_t seed = 1)
        : guest_{guest_up(config)},
          backend{machine().add_backend<model::Netback>(backing)},
          net{*new Netfront{machine(),
                            guest_->guest().events(),
                            guest_->guest().grants(),
                            guest_->guest().store(),
                            {.name = "net",
                             .memory = memory_.get(),
                             .queues = kQueues,
                             .user = {.self = &load, .received = &FrameLoad::on_received}},
                            config.bugs}},
          load{machine(), net, seed} {
        machine().toolstack.down_timeout = 2 * model::kSecond;  // of a refusal
        backend.wire = [this](const model::Netback::Frame& frame) { send_back(frame); };
        guest_->work_with([this] {
            net.pump();
            if (running_ && raw_counter(machine()) >= next_) {
                load.burst();
                next_ = raw_counter(machine()) + counter_hz(machine()) / 100;
            }
        });
        run([this] {
            ASSERT_TRUE(guest_->guest().add(net).ok());
            net.start();
        });
        idle(model::kSecond);
        EXPECT_TRUE(net.connected());
    }
    ~NetGuest() {
        if (!machine().alive() || guest_->guest().engine().running()) {
            // A dead guest's objects cannot be taken apart: they stay where they are.
            test::bury({&net, memory_.release()});
            return;
        }
        if (net.registered()) {
            remove();
        }
        backend.vanish();  // it writes to our pages for as long as it has them
        delete &net;
    }
    NetGuest(const NetGuest&) = delete;
    NetGuest& operator=(const NetGuest&) = delete;

    [[nodiscard]] ModelledGuest& guest() { return *guest_; }
    [[nodiscard]] Machine& machine() { return guest_->machine(); }
    Cycle cycle(HostAct act) { return guest_->cycle(act); }
    model::RunResult idle(Nanoseconds time) { return guest_->idle(time); }
    model::RunResult run(std::function<void()> code) { return guest_->run(std::move(code)); }
    /// The guest lets go of its interface.
    model::RunResult remove() {
        return run([this] {
            net.stop();
            EXPECT_TRUE(guest_->guest().remove(net).ok());
        });
    }
    /// Frames go on, each came back as it was or is known to be lost, and the oracle has nothing to
    /// say; in particular, the network knows where the guest is.
    void expect_all_well() {
        const uint64_t before = load.came_back();
        idle(3 * model::kSecond);  // lanes that wait for what is lost give it up
        EXPECT_GT(load.came_back(), before) << "the link is dead";
        running_ = false;
        idle(3 * model::kSecond);
        EXPECT_EQ(load.under_way(), 0U);
        EXPECT_EQ(load.sent(), load.came_back() + load.lost());
        EXPECT_EQ(load.wrong() + load.doubled(), 0U);
        EXPECT_LE(net.counters().lost, load.lost());
        EXPECT_EQ(net.malformed() + net.leaked_grants(), 0U);
        running_ = true;
        cycle(HostAct::checkpoint);  // where a missing announcement is complained of
        expect_clean(*guest_);
    }

  private:
    void send_back(const model::Netback::Frame& frame) {
        model::Netback::Frame answer = frame;
        std::copy_n(frame.begin() + kMacSize, kMacSize, answer.begin());
        machine().clock.after(model::kMillisecond, [this, answer] { backend.deliver(answer); });
    }

    bool running_ = true;
    Ticks next_ = 0;  ///< burst of the load
    std::unique_ptr<ModelledGuest> guest_;
    std::unique_ptr<NetQueueMemory[]> memory_{new NetQueueMemory[kQueues]};

  public:
    model::Netback& backend;
    Netfront& net;
    FrameLoad load;
};

}  // namespace resume::scenario
