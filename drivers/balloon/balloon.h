// The balloon: how much of its memory the guest leaves to the host. The toolstack says in the store
// how much the guest is to have (memory/target) of what it may have at most (memory/static-max);
// pages of a pool that the embedder set aside are given to Xen for the difference, and fetched back
// when it gets smaller.
//
// A suspend finds it at rest: pages move only in pump(), by whole hypercalls, and never between the
// suspend hook and its mirror. A page that is out is a hole in the guest's memory; it is in no
// stream, and so it is a hole in the domain that is restored: nothing is done anew, in no outcome
// (failure 35). What may be another is the target, and that is read again: its watch fires after
// each resume.
#pragma once

#include "drivers/support/limits.h"
#include "drivers/xenbus/batch.h"

namespace resume {
inline namespace v0 {

struct alignas(kPageSize) BalloonPage {
    char bytes[kPageSize];
};

/// Who uses the pool's pages. Thread context, CPU 0, from pump().
struct BalloonUser {
    void* self = nullptr;
    /// The page at `index` is wanted: true when nobody touches it from here on, false when it has
    /// to stay. Absent: nobody ever uses the pool.
    bool (*spare)(void* self, uint32_t index) noexcept = nullptr;
    /// It is memory again; what is in it means nothing.
    void (*returned)(void* self, uint32_t index) noexcept = nullptr;
};

struct BalloonConfig {
    const char* name = "balloon";
    BalloonPage* pool = nullptr;  ///< memory of the guest's own, set aside for ever
    uint32_t pages = 0;           ///< in it
    BalloonUser user{};
};

class Balloon final : public Device {
  public:
    Balloon(Machine& machine, Store& store, const BalloonConfig& config, Bugs bugs) noexcept;
    ~Balloon();

    // Thread context, CPU 0.
    /// After it was added and the store is up: follows the target from here on.
    void start() noexcept;
    /// No target is followed any more; what is out stays out. Not in mid-cycle.
    void stop() noexcept;
    /// Moves up to kBatch pages towards the target; to be called whenever the guest idles.
    void pump() noexcept;

    /// Pages of the pool that the host has: those before this index.
    [[nodiscard]] uint32_t out() const noexcept { return out_; }
    /// As many as the target asks for, as far as the pool goes.
    [[nodiscard]] uint32_t wanted() const noexcept { return wanted_; }
    /// How often Xen took or gave fewer pages than it was asked for.
    [[nodiscard]] uint64_t refusals() const noexcept { return refusals_; }

    static constexpr uint32_t kBatch = 32;
    /// After a page that the user keeps or that Xen refuses: neither changes at once.
    static constexpr uint32_t kRetryMs = 1'000;

  private:
    Progress suspend(ThreadContext&) noexcept;
    Progress resume(ThreadContext&, Outcome) noexcept;
    void read_target() noexcept;
    void take_target() noexcept;
    void give() noexcept;
    void fetch() noexcept;
    void give_back(uint32_t index) noexcept;
    uint32_t call(unsigned op, uint32_t first, uint32_t count) noexcept;
    void retry_later() noexcept;
    static const DriverOps kOps;

    Machine& machine_;
    Store& store_;
    BalloonConfig config_;
    Bugs bugs_;
    uint32_t out_ = 0;
    uint32_t wanted_ = 0;
    uint64_t refusals_ = 0;
    Ticks not_before_ = 0;
    bool quiet_ = false;  ///< between the suspend hook and its mirror
    bool read_again_ = false;
    uint32_t target_kib_ = 0;
    uint32_t most_kib_ = 0;
    StoreWatch watch_{};
    StoreBatch batch_;
};

}  // namespace v0
}  // namespace resume
