// An engine on the fake machine, with scripted devices.
#pragma once

#include <gtest/gtest.h>

#include <deque>
#include <memory>

#include "tests/unit/core/scripted_device.h"

namespace resume::test {

class EngineTest : public ::testing::Test {
  protected:
    explicit EngineTest(const Policy& policy = {}) : policy{policy} {}
    ~EngineTest() override {
        machine.events.clear();  // late completions hold completers, and these their devices
    }

    EngineConfig config() noexcept {
        EngineConfig config;
        config.policy = policy;
        config.guest.guest = this;
        config.guest.enter = [](void* guest) noexcept {
            auto& self = *static_cast<EngineTest*>(guest);
            ++self.entered;
            EXPECT_FALSE(self.machine.irqs_on);
            EXPECT_TRUE(self.machine.parked);
            return self.enter_returns;
        };
        return config;
    }

    ScriptedDevice& add(const char* name, Device* parent = nullptr,
                        SystemRank rank = SystemRank::none) {
        ScriptedDevice& device = devices.emplace_back(log, name, rank);
        EXPECT_TRUE(engine.add(device, parent).ok());
        return device;
    }

    CycleResult cycle(const Request& request = {}) {
        const auto result = engine.run(request);
        EXPECT_TRUE(result.ok());
        return result.ok() ? result.value() : CycleResult{};
    }

    /// Events of one kind in the trace, in their order.
    std::vector<TraceEvent> events(EventKind kind) const {
        std::vector<TraceEvent> found;
        for (uint32_t i = 0; i < machine.trace.size(); ++i) {
            if (machine.trace.at(i).kind == kind) {
                found.push_back(machine.trace.at(i));
            }
        }
        return found;
    }

    Policy policy;
    Machine machine;
    CallLog log;
    Result<Outcome> enter_returns = Outcome::resumed;
    int entered = 0;
    std::deque<ScriptedDevice> devices;
    Engine engine{machine, config()};  // goes first: it lets the devices go
};

}  // namespace resume::test
