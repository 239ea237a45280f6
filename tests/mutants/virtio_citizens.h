// The disk and the interface of the guest of KVM's that mutants live in, under verified loads. A
// cycle has to leave both as they were, or as new where their devices were reset.
#pragma once

#include <memory>

#include "drivers/kvm_guest/kvm_guest.h"
#include "drivers/model/kvm/virtio_disk.h"
#include "drivers/model/kvm/virtio_nic.h"
#include "drivers/model/machine.h"
#include "drivers/virtio_blk/virtio_blk.h"
#include "drivers/virtio_net/virtio_net.h"
#include "tests/workload/disk_load.h"
#include "tests/workload/frame_load.h"

namespace resume::mutants {

class VirtioCitizens {
  public:
    VirtioCitizens(Machine& machine, KvmGuest& guest);
    /// They were taken out, or the guest is dead.
    ~VirtioCitizens();
    VirtioCitizens(const VirtioCitizens&) = delete;
    VirtioCitizens& operator=(const VirtioCitizens&) = delete;

    // Guest code.
    Result<> boot(BootContext& boot) noexcept;
    Result<> add() noexcept;
    void remove() noexcept;
    void pump() noexcept;
    /// Before a cycle: much is under way from here on.
    void load() noexcept;
    /// After it: no more than is under way.
    void unload() noexcept { disk_load_.stop(); }
    /// What came of it, or nothing. `reset`: the devices were. `idle` lets time pass.
    std::string check(bool reset, const std::function<void(Nanoseconds)>& idle);

    [[nodiscard]] VirtioBlk& disk() noexcept { return disk_; }
    [[nodiscard]] VirtioNet& net() noexcept { return net_; }

  private:
    std::string check_disk(bool reset, const std::function<void(Nanoseconds)>& idle);
    std::string check_net(bool reset, const std::function<void(Nanoseconds)>& idle);
    [[nodiscard]] uint32_t wrong_sectors() const;

    static constexpr uint32_t kLanes = 4;

    Machine& machine_;
    KvmGuest& guest_;
    model::VirtioDisk& drive_;
    model::VirtioNic& nic_;
    std::unique_ptr<VirtioBlkMemory> disk_memory_{new VirtioBlkMemory};
    std::unique_ptr<VirtioNetMemory> net_memory_{new VirtioNetMemory};
    std::unique_ptr<DiskLane[]> lanes_{new DiskLane[kLanes]};
    VirtioBlk disk_;
    VirtioNet net_;
    DiskLoad disk_load_;
    FrameLoad frames_;
    uint64_t replayed_ = 0;
    uint64_t connections_ = 1;
    uint64_t told_ = 0;
    uint64_t written_ = 0;
};

}  // namespace resume::mutants
