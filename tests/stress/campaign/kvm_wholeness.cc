#include "tests/stress/campaign/kvm_wholeness.h"

#include <cstdlib>

namespace resume::stress {

namespace {

constexpr Nanoseconds kWork = 100 * model::kMillisecond;

std::optional<Trouble> cycles(KvmStage& stage) {
    for (const KvmWant want : {KvmWant::s3, KvmWant::hibernate, KvmWant::s2idle}) {
        const KvmCycle done = stage.perform({.kvm = want});
        if (!done.alive()) {
            return Trouble{name_of(done.run.end), done.run.reason};
        }
        if (!done.is(Outcome::resumed) || done.result->errors_up != 0) {
            return Trouble{"next-cycle",
                           std::string{"an "} + name_of(want) + " without any fault came to " +
                               (done.result ? name_of(done.result->outcome) : "nothing")};
        }
    }
    return std::nullopt;
}

std::optional<Trouble> devices(KvmStage& stage) {
    LoadedVirtio& loaded = stage.loaded();
    const uint64_t writes = loaded.disk_load.writes();
    const uint64_t frames = loaded.frame_load.came_back();
    loaded.running = true;
    stage.guest().run([&loaded] { loaded.disk_load.start(); });
    stage.guest().idle(kWork);
    if (!loaded.settle()) {
        return Trouble{"disk", std::to_string(loaded.disk_load.under_way()) + " requests and " +
                                   std::to_string(loaded.frame_load.under_way()) +
                                   " frames never ended"};
    }
    if (loaded.disk_load.writes() == writes || loaded.frame_load.came_back() == frames) {
        return Trouble{loaded.disk_load.writes() == writes ? "disk" : "network",
                       "nothing is written or no frame comes back"};
    }
    if (loaded.wrong_sectors() != 0) {
        return Trouble{"disk", std::to_string(loaded.wrong_sectors()) + " sectors wrong"};
    }
    if (loaded.disk.malformed() + loaded.net.malformed() != 0) {
        return Trouble{"disk", "answers that mean nothing"};
    }
    return std::nullopt;
}

std::optional<Trouble> clock(KvmStage& stage) {
    KvmModelledGuest& guest = stage.guest();
    if (guest.worst_step_back() != 0) {
        return Trouble{"clock", "its own clock was seen to go back"};
    }
    const uint32_t tick_ms = stage.plan().tick_ms;
    for (uint32_t cpu = 0; tick_ms != 0 && cpu < stage.plan().vcpus; ++cpu) {
        const uint64_t before = guest.ticks_of(cpu);
        guest.idle(uint64_t{4} * tick_ms * model::kMillisecond);
        if (guest.ticks_of(cpu) - before < 2) {
            return Trouble{"clock",
                           "vCPU " + std::to_string(cpu) + "'s timer does not tick any more"};
        }
    }
    return std::nullopt;
}

}  // namespace

std::optional<Trouble> trouble_afterwards(KvmStage& stage) {
    for (const auto look : {cycles, devices, clock}) {
        if (auto trouble = look(stage)) {
            return trouble;
        }
    }
    return std::nullopt;
}

}  // namespace resume::stress
