// A disk and an interface of virtio's in a modelled guest of KVM's, their other ends, a peer that
// sends each frame back, and a verified load on both. Made before the guest is booted, since an
// interrupt's gate is taken at boot; gone before the guest.
#pragma once

#include "drivers/model/kvm/virtio_disk.h"
#include "drivers/model/kvm/virtio_nic.h"
#include "drivers/virtio_blk/virtio_blk.h"
#include "drivers/virtio_net/virtio_net.h"
#include "tests/stress/guest/guest_memory.h"
#include "tests/stress/guest/kvm_modelled_guest.h"
#include "tests/workload/disk_load.h"
#include "tests/workload/frame_load.h"

namespace resume::stress {

struct LoadedVirtioConfig {
    model::VirtioDiskConfig disk{{.handle = 1}};
    model::VirtioNicConfig nic{{.handle = 2}};
    uint32_t lanes = 4;
    uint64_t seed = 1;
    Bugs bugs{};  ///< the drivers'
};

class LoadedVirtio {
  public:
    LoadedVirtio(KvmModelledGuest& guest, const LoadedVirtioConfig& config);
    ~LoadedVirtio();
    LoadedVirtio(const LoadedVirtio&) = delete;
    LoadedVirtio& operator=(const LoadedVirtio&) = delete;

    /// After boot: brings both up and begins to load them. False when one does not come up.
    bool start();
    /// Lets what is under way come to its end; the load is stopped. False when it does not.
    bool settle();
    /// Sectors that do not hold what the load wrote last. Only when idle.
    [[nodiscard]] uint32_t wrong_sectors() const;

    bool running = false;  ///< frames are sent

  private:
    Result<> boot(BootContext& boot);
    void pump();
    void send_back(const model::VirtioNic::Frame& frame);

    KvmModelledGuest& guest_;
    const uint32_t lane_count_;
    Ticks next_ = 0;  ///< burst of frames
    GuestMemory<DiskLane> lanes_;
    GuestMemory<VirtioBlkMemory> disk_memory_{1};
    GuestMemory<VirtioNetMemory> net_memory_{1};
    // Never destroyed when the guest died in the middle of something.
    alignas(VirtioBlk) std::byte disk_place_[sizeof(VirtioBlk)];
    alignas(VirtioNet) std::byte net_place_[sizeof(VirtioNet)];

  public:
    model::VirtioDisk& drive;
    model::VirtioNic& nic;
    VirtioBlk& disk;
    VirtioNet& net;
    DiskLoad disk_load;
    FrameLoad frame_load;
};

}  // namespace resume::stress
