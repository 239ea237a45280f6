#include "tests/stress/campaign/wholeness.h"

#include <cstdlib>

namespace resume::stress {

namespace {

constexpr Nanoseconds kBackendPatience = 30 * model::kSecond;
constexpr Nanoseconds kGivenUp = 2'100 * model::kMillisecond;  ///< frames that were lost
constexpr Nanoseconds kFrameTime = 50 * model::kMillisecond;
constexpr Nanoseconds kVcpuPatience = 30 * model::kSecond;
constexpr uint64_t kClockError = 2 * model::kSecond;
/// One may be on its way when the timer is armed anew.
constexpr uint64_t kStrayTicks = 8;

std::optional<Trouble> cycles(Stage& stage) {
    for (const auto& [act, outcome] : {std::pair{model::HostAct::checkpoint, Outcome::cancelled},
                                       std::pair{model::HostAct::save_restore, Outcome::resumed}}) {
        const Cycle done = stage.guest().cycle(act);
        if (!done.alive()) {
            return Trouble{name_of(done.run.end), done.run.reason};
        }
        if (!done.is(outcome) || done.result->errors_up != (stage.disk_is_gone() ? 1U : 0U)) {
            // A disk that is gone says so at the first resume only, and not on a cancel.
            if (done.is(outcome) && stage.disk_is_gone() && done.result->errors_up == 0) {
                continue;
            }
            return Trouble{"next-cycle",
                           std::string{"a "} + name_of(act) + " without any fault came to " +
                               (done.result ? name_of(done.result->outcome) : "nothing")};
        }
    }
    return std::nullopt;
}

std::optional<Trouble> disk(Stage& stage) {
    if (stage.disk_is_gone()) {
        return std::nullopt;
    }
    LoadedDisk& loaded = stage.disk();
    for (Nanoseconds waited = 0; !loaded.disk.connected() && waited < kBackendPatience;
         waited += model::kSecond) {
        stage.guest().idle(model::kSecond);
    }
    if (!loaded.disk.connected()) {
        return Trouble{"disk", "the disk is not connected though its backend is there"};
    }
    const uint64_t before = loaded.load.writes();
    stage.guest().run([&loaded] { loaded.load.start(); });
    stage.guest().idle(model::kMillisecond);
    if (!loaded.settle()) {
        return Trouble{"disk", std::to_string(loaded.load.under_way()) + " requests never ended"};
    }
    if (loaded.load.writes() == before || !loaded.load.clean() || loaded.wrong_sectors() != 0) {
        return Trouble{"disk", std::to_string(loaded.load.doubled()) + " requests ended twice, " +
                                   std::to_string(loaded.wrong_sectors()) + " sectors wrong, " +
                                   std::to_string(loaded.load.failed()) + " requests failed"};
    }
    if (loaded.disk.malformed() + loaded.disk.leaked_grants() != 0) {
        return Trouble{"disk", "answers that mean nothing, or grants that never came back"};
    }
    return std::nullopt;
}

std::optional<Trouble> network(Stage& stage) {
    LoadedNet* const loaded = stage.net();
    if (loaded == nullptr) {
        return std::nullopt;
    }
    for (Nanoseconds waited = 0; !loaded->net.connected() && waited < kBackendPatience;
         waited += model::kSecond) {
        stage.guest().idle(model::kSecond);
    }
    stage.guest().idle(kGivenUp);
    const uint64_t before = loaded->load.came_back();
    loaded->running = true;
    stage.guest().idle(kFrameTime);
    loaded->running = false;
    stage.guest().idle(kFrameTime);
    if (loaded->load.came_back() == before) {
        return Trouble{"network", "no frame comes back"};
    }
    if (loaded->load.wrong() + loaded->load.doubled() != 0) {
        return Trouble{"network", std::to_string(loaded->load.wrong()) + " frames wrong, " +
                                      std::to_string(loaded->load.doubled()) + " came twice"};
    }
    if (loaded->net.malformed() + loaded->net.leaked_grants() != 0) {
        return Trouble{"network", "answers that mean nothing, or grants that never came back"};
    }
    return std::nullopt;
}

std::optional<Trouble> memory(Stage& stage) {
    LoadedBalloon* const loaded = stage.balloon();
    if (loaded == nullptr) {
        return std::nullopt;
    }
    want_pages(stage.machine(), LoadedBalloon::kPages);
    stage.guest().idle(kGivenUp);
    if (loaded->balloon.out() == 0) {
        return Trouble{"memory", "the host wants memory and gets none"};
    }
    want_pages(stage.machine(), 0);
    stage.guest().idle(kGivenUp);
    if (loaded->balloon.out() != 0 || stage.machine().reservation.given() != 0) {
        return Trouble{"memory", std::to_string(loaded->balloon.out()) +
                                     " pages did not come back from the host"};
    }
    if (loaded->load.wrong() != 0) {
        return Trouble{"memory", std::to_string(loaded->load.wrong()) +
                                     " pages in use do not hold what was written"};
    }
    return std::nullopt;
}

std::optional<Trouble> vcpus(Stage& stage) {
    Machine& machine = stage.machine();
    machine.toolstack.set_vcpus(machine.vcpus.count());
    // One a round of the main loop, and a round lasts until something comes.
    for (Nanoseconds waited = 0;
         machine.vcpus.online() != machine.vcpus.count() && waited < kVcpuPatience;
         waited += kGivenUp) {
        stage.guest().idle(kGivenUp);
    }
    if (machine.vcpus.online() != machine.vcpus.count()) {
        return Trouble{"vcpus", std::to_string(machine.vcpus.online()) +
                                    " vCPUs are online though the host wants all"};
    }
    const auto called = stage.guest().run([&] {
        on_each_cpu(
            machine, [](Machine&, uint32_t, void*) noexcept {}, nullptr);
    });
    if (called.end != model::GuestEnd::returned) {
        return Trouble{name_of(called.end), called.reason};
    }
    return std::nullopt;
}

std::optional<Trouble> clock(Stage& stage) {
    const LifePlan& plan = stage.plan();
    ModelledGuest& guest = stage.guest();
    Nanoseconds wall = 0;
    guest.run([&] { wall = guest.guest().time().wall(); });
    const auto expected =
        static_cast<int64_t>(model::kWallStart * model::kSecond + stage.machine().clock.now()) +
        stage.machine().host().wall_offset_ns;
    if (static_cast<uint64_t>(std::llabs(static_cast<int64_t>(wall) - expected)) > kClockError) {
        return Trouble{"clock", "the wall clock is wrong by more than 2 s"};
    }
    if (guest.worst_step_back() != 0) {
        return Trouble{"clock", "its own clock was seen to go back"};
    }
    const uint64_t before = guest.ticks();
    guest.idle(uint64_t{4} * (plan.tick_ms + 1) * model::kMillisecond);
    if (plan.tick_ms != 0 && guest.ticks() - before < 2) {
        return Trouble{"clock", "its timer does not tick any more"};
    }
    if (guest.unasked_ticks() > kStrayTicks) {
        return Trouble{"clock", std::to_string(guest.unasked_ticks()) + " ticks that nobody armed"};
    }
    return std::nullopt;
}

std::optional<Trouble> store_and_channels(Stage& stage) {
    ModelledGuest& guest = stage.guest();
    Task& task = guest.tasks().at(2);
    const uint64_t before = task.answers;
    task.busy = true;
    guest.idle(20 * model::kMillisecond);
    guest.run([&task] { task.stop(); });
    if (task.answers == before) {
        return Trouble{"store", "a task asks the store and gets no answer"};
    }
    const std::string said = "after all of it\n";
    const auto spoke = guest.run([&] {
        // A driver may still have a number of its former life; it must be harmless.
        (void)guest.guest().events().notify_port(0);
        guest.guest().console().write(said.data(), static_cast<uint32_t>(said.size()));
    });
    if (spoke.end != model::GuestEnd::returned) {
        return Trouble{name_of(spoke.end), spoke.reason};
    }
    if (stage.machine().console.text().find(said) == std::string::npos) {
        return Trouble{"console", "what it says on the console does not arrive"};
    }
    return std::nullopt;
}

std::optional<Trouble> part(Stage& stage) {
    if (stage.part() == nullptr) {
        return std::nullopt;
    }
    std::string trouble;
    const auto used = stage.guest().run([&] { trouble = stage.part()->trouble(); });
    if (used.end != model::GuestEnd::returned) {
        return Trouble{name_of(used.end), used.reason};
    }
    return trouble.empty() ? std::nullopt : std::optional{Trouble{"driver", trouble}};
}

}  // namespace

std::optional<Trouble> trouble_afterwards(Stage& stage) {
    constexpr std::optional<Trouble> (*kLooks[])(Stage&) = {
        cycles, disk, network, memory, vcpus, clock, store_and_channels, part};
    for (const auto look : kLooks) {
        if (auto trouble = look(stage)) {
            return trouble;
        }
    }
    if (!stage.machine().alive()) {
        return Trouble{name_of(stage.machine().death.end), stage.machine().death.reason};
    }
    if (stage.machine().ports.unplugged() !=
        static_cast<uint16_t>(stage.guest().guest().config().unplug)) {
        return Trouble{"unplug", "emulated devices are plugged in again"};
    }
    return std::nullopt;
}

}  // namespace resume::stress
