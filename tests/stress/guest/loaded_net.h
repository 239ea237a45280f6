// A network interface of the modelled guest, its backend, a peer that sends each frame back, and a
// verified load on it.
#pragma once

#include <cstddef>

#include "drivers/model/backend/netback.h"
#include "drivers/netfront/netfront.h"
#include "tests/stress/guest/guest_memory.h"
#include "tests/stress/guest/modelled_guest.h"
#include "tests/workload/frame_load.h"

namespace resume::stress {

class LoadedNet {
  public:
    static constexpr uint32_t kQueues = 2;  ///< that its memory suffices for

    /// The guest is up. `bugs` are the driver's.
    LoadedNet(ModelledGuest& guest, const model::NetbackConfig& backing, uint64_t seed, Bugs bugs);
    ~LoadedNet();
    LoadedNet(const LoadedNet&) = delete;
    LoadedNet& operator=(const LoadedNet&) = delete;

    /// Registers it; it connects while the guest pumps.
    void start();
    /// In each round of the guest's loop: moves frames on, and sends some while `running`.
    void pump();
    /// The guest lets go of its interface. False when the guest did not live through it.
    bool remove();

    bool running = false;

  private:
    void send_back(const model::Netback::Frame& frame);

    ModelledGuest& guest_;
    Ticks next_ = 0;  ///< burst of the load
    GuestMemory<NetQueueMemory> memory_{kQueues};
    // Never destroyed when the guest died in the middle of something.
    alignas(Netfront) std::byte net_memory_[sizeof(Netfront)];

  public:
    model::Netback& backend;
    Netfront& net;
    FrameLoad load;
};

}  // namespace resume::stress
