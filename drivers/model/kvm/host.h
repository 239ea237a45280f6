// KVM and its monitor (QEMU's part and way, as far as a guest can tell) around one modelled guest:
// MSRs, the clock that they publish, the local APIC's timer, fw_cfg, firmware, stops and moves that
// nobody announces, snapshots that are restored twice. It shares the machine's vCPUs, memory and
// virtual time with Xen's side, and nothing else.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

#include "drivers/model/clock.h"
#include "drivers/model/fwd.h"
#include "drivers/model/kvm/virtio_port.h"
#include "libresume/platform/kvm.h"

namespace resume::model {

/// What the host does to a guest that runs and is not asked.
enum class KvmAct : uint8_t {
    pause,          ///< stop; cont: same host
    migrate,        ///< goes on at the next host of MachineConfig::hosts; same generation
    migrate_fails,  ///< stopped for the last pass, the receiver dies: goes on where it was
    snapshot,       ///< an earlier state of this machine, elsewhere or here: another generation
    clone,          ///< the same in another machine: another UUID as well
};
inline constexpr uint8_t kKvmActCount = 5;
const char* name_of(KvmAct act) noexcept;

/// What becomes of the next image.
enum class ImageFate : uint8_t {
    restored,  ///< written, powered off, loaded by another kernel, on the next host
    made,      ///< it cannot be written: the guest goes on where it was made
    refused,   ///< no memory for it
};

/// Where an interrupt comes from; the guest's platform routes each to a vector.
enum class KvmSource : uint8_t { generation, wakeup };
inline constexpr uint8_t kKvmSourceCount = 2;

class KvmHost {
  public:
    explicit KvmHost(Machine& machine);

    // The guest's side.
    [[nodiscard]] CpuidLeaf cpuid(uint32_t leaf) const;
    [[nodiscard]] Result<uint64_t> read_msr(uint32_t cpu, uint32_t msr) const;
    void write_msr(uint32_t cpu, uint32_t msr, uint64_t value);
    [[nodiscard]] Ticks tsc() const;
    [[nodiscard]] uint32_t read_port(uint16_t port);
    void write_port(uint16_t port, uint32_t value);
    [[nodiscard]] uint32_t read_mmio(uint64_t address, uint8_t width) const;
    void write_mmio(uint64_t address, uint32_t value);
    Waking sleep_s3();
    Result<Image> make_image();
    void set_hooks(const CpuHooks& hooks) { hooks_ = hooks; }
    void cpu_down(uint32_t cpu);
    void cpu_up(uint32_t cpu);
    void route(KvmSource source, uint8_t vector) { routes_[static_cast<uint8_t>(source)] = vector; }
    /// Where the generation id stands in the guest's memory: 16 bytes.
    [[nodiscard]] const void* generation() const { return generation_; }

    // The host's side.
    /// Stops the guest for so long, and does that to it. Between the guest's instructions: in an
    /// event of the clock's, or while no guest code runs.
    void interrupt(KvmAct act, Nanoseconds away);
    /// Pulls the wake-up line; ends an S3.
    void wake();
    void wake_after(Nanoseconds delay);
    /// Time that the vCPU was ready and did not run.
    void add_steal(uint32_t cpu, Nanoseconds stolen);
    /// From now on the machine is of another generation; nobody is notified.
    void show_generation();
    /// Real time now, in ns since 1970, as every host but for its wall_offset_ns has it.
    [[nodiscard]] Nanoseconds real_time() const;

    /// The guest is in S3.
    [[nodiscard]] bool sleeping() const { return sleeping_; }

    bool firmware_awake = false;  ///< S3 returns at once, whatever the host's firmware can
    ImageFate image_fate = ImageFate::restored;
    Nanoseconds off_time = 30 * kSecond;  ///< between an image and its return
    Nanoseconds boot_time = 4 * kSecond;  ///< what the loading kernel's clock shows then
    /// Called when the guest's devices lost their state: a reset, or another machine.
    std::function<void()> devices_reset{};
    /// A device of the guest's; before boot.
    template <class Port, class Config>
    Port& add_device(const Config& config) {
        auto made = std::make_unique<Port>(machine_, config);
        Port& port = *made;
        ports_.push_back(std::move(made));
        return port;
    }

  private:
    struct Cpu {
        uint64_t clock_msr = 0;
        uint64_t steal_msr = 0;
        uint64_t timer_entry = kTimerMasked;
        uint64_t deadline = 0;  ///< TSC; 0 = none
        Clock::EventId timer = 0;
        bool stopped = false;  ///< GUEST_STOPPED is to be shown
    };
    static constexpr uint64_t kTimerMasked = 0x10000;

    void raise(KvmSource source);
    void run_hook(PerCpuFunction hook, uint32_t cpu);
    void sight_going_down();
    void set_tsc(Ticks value, uint64_t hz);
    void set_clock(Nanoseconds value);
    [[nodiscard]] Nanoseconds clock() const;
    void publish(uint32_t cpu);
    void publish_all();
    void publish_wall(uint64_t address);
    void set_timer(uint32_t cpu);
    void reset_cpus();
    void next_host();
    [[nodiscard]] VirtioPort* port_at(uint64_t address) const;
    void image_loaded(bool areas_kept);

    Machine& machine_;
    std::vector<Cpu> cpus_;
    std::vector<std::unique_ptr<VirtioPort>> ports_;
    CpuHooks hooks_{};
    std::array<uint8_t, kKvmSourceCount> routes_{};
    std::byte* generation_ = nullptr;
    uint64_t generations_ = 0;
    std::array<uint8_t, 16> uuid_{};
    std::size_t uuid_read_ = 0;
    uint16_t selected_ = 0;
    std::size_t host_ = 0;

    Ticks tsc_base_;
    Nanoseconds tsc_since_ = 0;
    uint64_t tsc_hz_;
    Nanoseconds clock_base_ = 0;
    Nanoseconds clock_since_ = 0;
    uint32_t wall_version_ = 0;
    bool sleeping_ = false;
};

}  // namespace resume::model
