// The agent as a machine of the core: one CPU, no interrupts, the event loop as its idle. What the
// engine waits for arrives as events of that loop.
#pragma once

#include <array>

#include "agent/base/event_loop.h"
#include "libresume/platform/machine.h"

namespace resume {
inline namespace v0 {

struct Machine {
    explicit Machine(agent::EventLoop& event_loop) noexcept : loop{event_loop} {}
    agent::EventLoop& loop;
    std::array<TraceEvent, 1024> events{};
    Trace trace{events.data(), static_cast<uint32_t>(events.size())};
};

}  // namespace v0
}  // namespace resume
