// One phase over the devices: whatever is ready runs, and the phase ends when nothing is left to
// run or to wait for (P3, P6).
//
// While no hook is pending this is a straight walk of the topological list and touches nothing but
// each device's first cache line. Once one is pending, the walk goes on behind it: a device whose
// needs are not through becomes `blocked` and counts them; whoever gets through counts down.
#pragma once

#include "libresume/device_tree.h"
#include "libresume/policy.h"
#include "libresume/step_table.h"

namespace resume {
inline namespace v0 {

struct GuestOps;
struct EngineConfig;

/// A request to call the cycle off: set once from any context, until the cycle is past it (P12).
class AbortLatch {
  public:
    void open() noexcept { word_.store(0, std::memory_order_release); }
    void close() noexcept { word_.store(kClosed, std::memory_order_release); }
    void request(Errc why) noexcept {
        uint8_t nothing = 0;
        word_.compare_exchange_strong(nothing, static_cast<uint8_t>(why),
                                      std::memory_order_acq_rel);
    }
    /// none while nobody asked, and when it is closed.
    [[nodiscard]] Errc requested() const noexcept {
        const uint8_t word = word_.load(std::memory_order_acquire);
        return word == kClosed ? Errc::none : static_cast<Errc>(word);
    }

  private:
    static constexpr uint8_t kClosed = 0xff;
    std::atomic<uint8_t> word_{kClosed};
};

/// What a phase is run with.
struct PhasePlan {
    Phase phase = Phase::none;
    Walk walk = Walk::none;
    bool down = false;
    Outcome outcome = Outcome::aborted;  ///< told to the hooks of the way up
    Ticks budget = 0;                    ///< on the way down: no hook may end later
};

class Scheduler {
  public:
    Scheduler(Machine& machine, Engine& engine, DeviceTree& tree, CompletionQueue& queue,
              AbortLatch& latch, const EngineConfig& config) noexcept
        : machine_{machine},
          engine_{engine},
          tree_{tree},
          queue_{queue},
          latch_{latch},
          config_{config} {}
    Scheduler(const Scheduler&) = delete;
    Scheduler& operator=(const Scheduler&) = delete;

    /// Once a cycle, before the first phase.
    void begin_cycle() noexcept;
    /// Runs one phase to its end. Down: the first error, with device and phase in it, or none. Up:
    /// always runs every hook; the first error, for the record.
    Error run(const PhasePlan& plan) noexcept;
    /// After the last phase: forgets what no mirror undid (only a broken step table leaves any).
    void end_cycle() noexcept;

    /// Latched request to call off, traced the first time that it is seen.
    Errc called_off() noexcept;
    /// Writes the strays that came since the last call to the trace.
    void trace_strays() noexcept;
    void write(EventKind kind, Ticks ticks, DeviceId device, uint32_t arg32, uint64_t arg64,
               int32_t status) noexcept;

    [[nodiscard]] uint32_t errors_up() const noexcept { return errors_up_; }
    [[nodiscard]] Ticks ticks_per_ms() const noexcept { return ticks_per_ms_; }

  private:
    /// One hook's answer.
    struct Answer {
        Error error{};
        bool pending = false;
    };

    template <class Iterator>
    void walk_by_index(Iterator at, Iterator end) noexcept;
    template <class Iterator>
    void walk_in_place(Iterator at, Iterator end) noexcept;
    template <class Iterator>
    void enlist_all(Iterator at, Iterator end) noexcept;
    void settle() noexcept;

    [[nodiscard]] bool busy() const noexcept { return pending_.size() + blocked_ != 0; }
    [[nodiscard]] uint32_t unfinished_needs(const Device& device) const noexcept;
    [[nodiscard]] bool due(const Device& device) const noexcept;
    void block(Device& device, uint32_t needs) noexcept;
    void make_ready(Device& device) noexcept;
    Device& take_ready() noexcept;
    void release_dependents(Device& device) noexcept;
    void finish(Device& device) noexcept;

    void run_device(Device& device) noexcept;
    Answer call(Device& device) noexcept;
    Answer call_thread(Device& device) noexcept;
    void conclude(Device& device, const Error& error, Ticks now) noexcept;
    void fail(const Error& error) noexcept;
    [[nodiscard]] Ticks limit_of(const Device& device) const noexcept;

    bool take_completions() noexcept;
    bool expire(Ticks now) noexcept;
    void wait() noexcept;

    Machine& machine_;
    Engine& engine_;
    DeviceTree& tree_;
    CompletionQueue& queue_;
    AbortLatch& latch_;
    const EngineConfig& config_;
    Trace* trace_ = nullptr;

    PhasePlan plan_{};
    uint8_t bit_ = 0;  ///< of the running phase's way down in Device::went_down_
    uint8_t cpu_ = 0;
    bool backward_ = false;  ///< children first
    bool stopping_ = false;  ///< a failure on the way down: nothing more starts
    bool abort_traced_ = false;
    Error first_error_{};
    uint32_t errors_up_ = 0;
    uint32_t blocked_ = 0;
    uint64_t down_ = 0;  ///< hooks that went down and were not brought up
    uint64_t random_ = 0;
    Ticks ticks_per_ms_ = 1;
    TurnSet ready_;
    TurnSet pending_;
};

}  // namespace v0
}  // namespace resume
