// vCPUs that the toolstack adds and takes away while the guest is up (cpu/N/availability in the
// store). Those that are online are always 0 .. cpu_count - 1. Which there are is fixed from
// prepare to complete (P10): one is started or stopped only in pump(), and never between the
// suspend hook and its mirror (failure 43). What the toolstack wants is read again after each
// resume, since its watch fires.
#pragma once

#include "drivers/support/limits.h"
#include "drivers/xenbus/batch.h"

namespace resume {
inline namespace v0 {

struct VcpusConfig {
    const char* name = "vcpus";
    uint32_t most = 1;  ///< that the domain can have, online or not; at most kMaxVcpus
    void* self = nullptr;
    /// Thread context, CPU 0, from pump(). Starts vCPU `cpu`, which is cpu_count then:
    /// XenGuest::add_cpu(), the vCPU itself, and on it XenGuest::enter_cpu().
    Result<> (*start)(void* self, uint32_t cpu) noexcept = nullptr;
    /// Stops the last one, and XenGuest::remove_cpu().
    Result<> (*stop)(void* self, uint32_t cpu) noexcept = nullptr;
};

class Vcpus final : public Device {
  public:
    Vcpus(Machine& machine, Store& store, const VcpusConfig& config, Bugs bugs) noexcept;
    ~Vcpus();

    // Thread context, CPU 0.
    /// After it was added and the store is up: follows the toolstack from here on.
    void start() noexcept;
    /// As many as are online stay so. Not in mid-cycle.
    void stop() noexcept;
    /// Starts or stops at most one; to be called whenever the guest idles.
    void pump() noexcept;

    /// As many as the toolstack wants, vCPU 0 always.
    [[nodiscard]] uint32_t wanted() const noexcept { return wanted_; }
    /// How often one could not be started or stopped.
    [[nodiscard]] uint64_t refusals() const noexcept { return refusals_; }

    static constexpr uint32_t kRetryMs = 1'000;

  private:
    /// vCPUs that are asked for at once: the store takes no more requests in at a time.
    static constexpr uint32_t kAtOnce = 16;
    struct Node {
        char path[12];
        char word[12];
    };

    Progress suspend(ThreadContext&) noexcept;
    Progress resume(ThreadContext&, Outcome) noexcept;
    void look() noexcept;
    void ask() noexcept;
    void take() noexcept;
    void settle(uint32_t wanted) noexcept;
    void move() noexcept;
    static const DriverOps kOps;

    Machine& machine_;
    Store& store_;
    VcpusConfig config_;
    Bugs bugs_;
    uint32_t wanted_;
    uint32_t asked_ = 1;  ///< the first vCPU of those that are asked for
    uint64_t refusals_ = 0;
    Ticks not_before_ = 0;
    bool quiet_ = false;  ///< between the suspend hook and its mirror
    bool look_again_ = false;
    StoreWatch watch_{};
    Node nodes_[kAtOnce] = {};
    StoreBatch batch_;
};

}  // namespace v0
}  // namespace resume
