#include "tests/stress/guest/loaded_balloon.h"

#include <new>
#include <string>

namespace resume::stress {

void want_pages(Machine& machine, uint32_t pages) {
    model::StoreSeam& store = *machine.store;
    const uint64_t most = std::stoull(store.read("memory/static-max").value_or("0"));
    store.write("memory/target", std::to_string(most - pages * (kPageSize / 1024)));
}

LoadedBalloon::LoadedBalloon(ModelledGuest& guest, uint64_t seed, Bugs bugs)
    : guest_{guest},
      load{pool_.get(), kPages, seed},
      balloon{*new (balloon_memory_)
                  Balloon{guest.machine(),
                          guest.guest().store(),
                          {.pool = pool_.get(), .pages = kPages, .user = load.user()},
                          bugs}} {}

void LoadedBalloon::start() {
    guest_.run([this] {
        RESUME_ASSERT(guest_.guest().add(balloon).ok());
        balloon.start();
    });
}

LoadedBalloon::~LoadedBalloon() {
    Machine& machine = guest_.machine();
    if (machine.alive() && !guest_.guest().engine().running()) {
        guest_.work_with(nullptr);
        guest_.run([this] {
            balloon.stop();
            if (balloon.registered()) {
                RESUME_ASSERT(guest_.guest().remove(balloon).ok());
            }
        });
        if (machine.alive()) {
            balloon.~Balloon();
        }
    }
    // The machine would go on to wipe the holes of a pool that is no more.
    for (uint32_t i = 0; i < kPages; ++i) {
        machine.memory.make_ram(machine.memory.frame_of(&pool_.get()[i]));
    }
}

}  // namespace resume::stress
