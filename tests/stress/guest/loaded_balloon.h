// A balloon of the modelled guest, its pool, and somebody who uses the pool's pages.
#pragma once

#include <cstddef>

#include "tests/stress/guest/guest_memory.h"
#include "tests/stress/guest/modelled_guest.h"
#include "tests/workload/pool_load.h"

namespace resume::stress {

/// The toolstack's act: the guest is to have so many pages less than at most.
void want_pages(Machine& machine, uint32_t pages);

class LoadedBalloon {
  public:
    static constexpr uint32_t kPages = 8;

    /// The guest is up.
    LoadedBalloon(ModelledGuest& guest, uint64_t seed, Bugs bugs);
    ~LoadedBalloon();
    LoadedBalloon(const LoadedBalloon&) = delete;
    LoadedBalloon& operator=(const LoadedBalloon&) = delete;

    /// Registers it; it moves pages while the guest pumps.
    void start();

  private:
    ModelledGuest& guest_;
    GuestMemory<BalloonPage> pool_{kPages};
    // Never destroyed when the guest died in the middle of something.
    alignas(Balloon) std::byte balloon_memory_[sizeof(Balloon)];

  public:
    PoolLoad load;
    Balloon& balloon;
};

}  // namespace resume::stress
