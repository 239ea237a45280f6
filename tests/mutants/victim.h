// The guest that the mutants live in: the standard drivers on the modelled machine, with a task and
// two devices of its own that notice when the world is not as they were promised, and a check of
// its life after each cycle. What it cannot notice, the oracle must.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "drivers/blkfront/blkfront.h"
#include "drivers/model/backend/blkback.h"
#include "drivers/model/backend/netback.h"
#include "drivers/model/machine.h"
#include "drivers/netfront/netfront.h"
#include "drivers/vcpus/vcpus.h"
#include "drivers/xen_guest/xen_guest.h"
#include "tests/mutants/citizens.h"
#include "tests/mutants/living.h"
#include "tests/workload/frame_load.h"
#include "tests/workload/pool_load.h"
#include "xen/handshake/handshake.h"

namespace resume::mutants {

/// Every way in which a cycle can go.
enum class CycleKind : uint8_t {
    checkpoint,        ///< saved and let go on: cancelled
    failed_migration,  ///< the receiver died late: cancelled
    slow,              ///< returns 0 in the same domain
    in_place,          ///< soft reset: same domain id, everything gone
    restore,           ///< a new domain on the same host
    migration,         ///< a new domain on a younger host
    refused,           ///< a device refuses in suspend
    refused_late,      ///< a device refuses in suspend_noirq
};
inline constexpr uint8_t kCycleKindCount = 8;
const char* name_of(CycleKind kind) noexcept;

class Victim final : public Living {
  public:
    Victim(model::GuestKind guest, CycleKind kind, const StepTable& table);
    ~Victim();
    Victim(const Victim&) = delete;
    Victim& operator=(const Victim&) = delete;

    /// The standard driver at `index`; null behind the last.
    Device* driver(size_t index) noexcept;

    Machine machine;
    XenGuest guest;
    static constexpr uint32_t kQueues = 2;
    std::unique_ptr<BlockQueueMemory[]> memory{new BlockQueueMemory[kQueues]};
    model::Blkback& backend;
    Blkfront disk;
    std::unique_ptr<NetQueueMemory[]> net_memory{new NetQueueMemory[kQueues]};
    model::Netback& netback;
    Netfront net;
    FrameLoad frames;  ///< sent and sent back by a peer
    static constexpr uint32_t kPool = 8;
    /// Of them with the host: as asked for on the way down, and between two cycles.
    static constexpr uint32_t kOutAway = 5, kOutHere = 2;
    std::unique_ptr<BalloonPage[]> pool{new BalloonPage[kPool]};
    PoolLoad pages{pool.get(), kPool, 1};
    Balloon balloon;
    /// vCPUs at first, and with those that come and go.
    static constexpr uint32_t kVcpus = 2, kMostVcpus = 3;
    Vcpus vcpus;

  private:
    bool boot() override;
    bool cycle() override;
    bool arm_timers(Nanoseconds delay) override;
    bool live() override;
    oracle::TraceView sights() override;
    bool check_alarm();
    bool check_store();
    bool check_time();
    bool check_timers();
    bool check_rest();
    bool check_disk();
    bool check_net();
    bool check_balloon();
    bool check_vcpus();
    void want_vcpus(uint32_t count);
    void expect_vcpus(uint32_t count);
    void want_out(uint32_t count);
    void expect_out(uint32_t count);
    void write_and_read();
    bool transfer(BlockRequest::Operation operation, char* data, uint32_t sectors);
    void begin_transfers();
    void idle(Nanoseconds time);

    const CycleKind kind_;
    Handshake<Store> handshake_;
    Citizens citizens_;
    bool started_ = false;
    StoreWatch poke_;
    uint32_t pokes_ = 0;
    uint32_t ipis_[kMostVcpus] = {};
    uint32_t timer_fired_[kMostVcpus] = {};
    uint32_t alarms_before_[2] = {};  ///< timer_fired_ when the timers were armed before a cycle
    Nanoseconds last_monotonic_ = 0;
    std::optional<CycleResult> result_;
    uint64_t told_before_ = 0;  ///< how often the network heard where the guest is
    /// Requests that are under way when the guest goes down: one on each queue, one split.
    static constexpr uint32_t kBusy = 3;
    struct Busy {
        BlockRequest request;
        alignas(4096) char data[128 * kSectorSize];
        uint32_t completions = 0;
    };
    Busy busy_[kBusy];
};

}  // namespace resume::mutants
