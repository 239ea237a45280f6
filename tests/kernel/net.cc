#include "tests/kernel/net.h"

#include "tests/kernel/machine_state.h"
#include "tests/kernel/wait.h"

namespace kernel {
namespace {

using resume::Errc;

constexpr uint32_t kQueues = 2;
constexpr uint32_t kPauseMs = 250;
constexpr uint32_t kPatienceSeconds = 30;

constinit resume::NetQueueMemory g_memory[kQueues] = {};

}  // namespace

Net::Net(resume::Machine& machine, resume::XenGuest& guest, const CommandLine& words) noexcept
    : machine_{machine},
      guest_{guest},
      present_{words.net},
      front_{machine,
             guest.events(),
             guest.grants(),
             guest.store(),
             {.name = "net",
              .memory = g_memory,
              .queues = kQueues,
              .user = {.self = &load_, .received = &resume::FrameLoad::on_received}},
             words.bugs},
      load_{machine, front_, words.seed} {}

resume::Result<> Net::add() noexcept {
    return present_ ? guest_.add(front_) : resume::Result<>{};
}

resume::Result<> Net::start() noexcept {
    if (!present_) {
        return {};
    }
    front_.start();
    const bool up = wait_until(
        machine_, guest_, kPatienceSeconds, [this] { return front_.connected() || front_.gone(); },
        [this] { front_.pump(); });
    if (!up || front_.gone()) {
        return up ? Errc::gone : Errc::timed_out;
    }
    hurry();
    return {};
}

void Net::run() noexcept {
    if (!present_) {
        return;
    }
    front_.pump();
    if (!held_ && raw_counter(machine_) >= next_) {
        hurry();
    }
}

void Net::hurry() noexcept {
    if (!present_) {
        return;
    }
    held_ = false;
    load_.burst();
    next_ = raw_counter(machine_) + machine_.hz / 1000 * kPauseMs;
}

void Net::report() noexcept {
    load_.burst();  // that it works is known when these are back
    held_ = true;
    wait_until(
        machine_, guest_, kPatienceSeconds, [this] { return load_.under_way() == 0; },
        [this] { front_.pump(); });
    print(Line{}
              .text("NET sent=")
              .decimal(load_.sent())
              .text(" back=")
              .decimal(load_.came_back())
              .text(" lost=")
              .decimal(load_.lost())
              .text(" wrong=")
              .decimal(load_.wrong())
              .text(" doubled=")
              .decimal(load_.doubled())
              .text(" odd=")
              .decimal(front_.malformed() + front_.leaked_grants())
              .text(" announced=")
              .decimal(front_.counters().announced));
}

}  // namespace kernel
