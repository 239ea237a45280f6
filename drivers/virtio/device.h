// What every virtio driver does the same: it brings its device up as virtio 1.2, 3.1.1 has it, lets
// go of its rings before a suspend, and takes them up again in three ways that are kept apart
// (failure 35):
//
//   freeze   the rings are left as they are; the device may go on with what is on them
//   thaw     nothing was lost (aborted, cancelled, s2idle): the rings are as they were left
//   restore  the device was reset, or is another: features are agreed on anew (L16), rings made
//            anew, what was under way is nobody's any more
//
// Whether anything was lost is read back: by the evidence, and where there is none by the device's
// status. After an image the status alone tells nothing: the kernel that loaded it had the device
// in use. `Driver` says how:
//
//   uint64_t known() const      the features that it can use
//   Result<> set_up()           reads the configuration, opens the queues; features() are agreed on
//   void begin_use()            the device is alive, its rings are empty
//   void leave_rings()          what is on them is nobody's any more
//   void go_on()                the rings are as they were left
//   void end_use()              there is no device any more
//   void configuration_changed()
#pragma once

#include <linux/virtio_config.h>
#include <linux/virtio_mmio.h>

#include "drivers/irq_lines/irq_lines.h"
#include "drivers/support/emit.h"
#include "drivers/virtio/mmio.h"
#include "drivers/xen_guest/bugs.h"

namespace resume {
inline namespace v0 {

/// Where a virtio device is, and what its interrupt is attached to.
struct VirtioPlace {
    uint64_t base = 0;  ///< of its registers, guest-physical
    uint32_t sort = 0;  ///< VIRTIO_ID_*
};

enum class VirtioStage : uint8_t {
    off,
    resetting,  ///< until its status reads 0
    up,
    failed,  ///< there is none, or it does not offer what is needed
};

template <class Driver>
class VirtioDevice : public Device {
  public:
    [[nodiscard]] bool is_up() const noexcept { return stage_ == VirtioStage::up; }
    [[nodiscard]] const IrqLine& line() const noexcept { return line_; }
    /// What was agreed on.
    [[nodiscard]] uint64_t features() const noexcept { return features_; }

    /// Boot: takes the device's interrupt. no_space when vectors are used up.
    Result<> boot(BootContext& boot) noexcept {
        line_.argument = this;
        line_.owner = this;
        line_.handler = &VirtioDevice::on_irq;
        return lines_.attach(boot, line_);
    }
    /// Thread context, CPU 0, after it was added: begins to bring it up; pump() goes on.
    void start() noexcept {
        RESUME_ASSERT(registered() && stage_ == VirtioStage::off);
        if (!registers_.has(place_.sort)) {
            fail(Errc::not_found);
            return;
        }
        reset();
        advance();
    }

  protected:
    using Stage = VirtioStage;
    static constexpr uint8_t kKnown = VIRTIO_CONFIG_S_ACKNOWLEDGE | VIRTIO_CONFIG_S_DRIVER;
    static constexpr uint8_t kAgreed = kKnown | VIRTIO_CONFIG_S_FEATURES_OK;
    static constexpr uint8_t kAlive = kAgreed | VIRTIO_CONFIG_S_DRIVER_OK;

    VirtioDevice(CheckedOps ops, const char* name, Machine& machine, IrqLines& lines,
                 const VirtioPlace& place, Bugs bugs) noexcept
        : Device{ops, name},
          machine_{machine},
          bugs_{bugs},
          registers_{machine, place.base},
          lines_{lines},
          place_{place} {}

    Progress suspend(ThreadContext&) noexcept {
        quiet_ = true;
        detach();
        return Progress::done();
    }
    Progress suspend_late(ThreadContext&) noexcept { return Progress::done(); }

    /// As early as it is known: what another kernel left of the device's rings points into what is
    /// our memory now.
    Progress resume_early(ThreadContext& context, Outcome outcome) noexcept {
        if (stage_ != Stage::off && outcome == Outcome::resumed &&
            context.evidence() == DomainEvidence::fresh) {
            reset();
        }
        return Progress::done();
    }

    Progress resume(ThreadContext& context, Outcome outcome) noexcept {
        quiet_ = false;
        const bool thaw = outcome != Outcome::resumed;
        if (thaw && bugs_.has(Bug::thaw_as_restore) && stage_ == Stage::up) {
            driver().leave_rings();
            bring_up();  // one callback for both: it was reset, was it not?
            return Progress::done();
        }
        if (stage_ == Stage::up && registers_.status() == kAlive) {
            driver().go_on();
            return Progress::done();
        }
        if (stage_ == Stage::up) {
            reset();
        }
        if (stage_ != Stage::resetting) {
            return Progress::done();
        }
        driver().leave_rings();
        completer_ = context.defer();
        advance();
        return Progress::pending();
    }

    /// A reset takes as long as it takes (4.2.3.1).
    void advance() noexcept {
        if (stage_ == Stage::resetting && !quiet_ && registers_.status() == 0) {
            bring_up();
        }
        if (__atomic_exchange_n(&changed_, false, __ATOMIC_ACQ_REL)) {
            driver().configuration_changed();
        }
    }

    void reset() noexcept {
        registers_.set_status(0);
        stage_ = Stage::resetting;
    }

    void attach() noexcept {
        attached_ = true;
        emit(machine_, id(), EventKind::queue_attached);
    }
    void detach() noexcept {
        if (attached_) {
            attached_ = false;
            emit(machine_, id(), EventKind::queue_detached);
        }
    }

    Machine& machine_;
    Bugs bugs_;
    VirtioMmio registers_;
    Stage stage_ = Stage::off;
    bool attached_ = false;  ///< the rings may be reached (L17)
    bool quiet_ = false;     ///< between the suspend hook and its mirror

  private:
    Driver& driver() noexcept { return static_cast<Driver&>(*this); }

    static void on_irq(void* self) noexcept {
        auto& device = *static_cast<VirtioDevice*>(self);
        if ((device.registers_.take_interrupts() & VIRTIO_MMIO_INT_CONFIG) != 0) {
            __atomic_store_n(&device.changed_, true, __ATOMIC_RELEASE);
        }
    }

    void bring_up() noexcept {
        const Result<> agreed = agree();
        if (!agreed.ok()) {
            fail(agreed.error().code, agreed.error().detail);
            return;
        }
        registers_.set_status(kAlive);
        stage_ = Stage::up;
        if (!quiet_) {
            attach();
        }
        driver().begin_use();
        tell(Errc::none, 0);
    }

    Result<> agree() noexcept {
        registers_.set_status(VIRTIO_CONFIG_S_ACKNOWLEDGE);
        registers_.set_status(kKnown);
        const uint64_t offered = registers_.offered();
        constexpr uint64_t kNeeded = uint64_t{1} << VIRTIO_F_VERSION_1;
        if ((offered & kNeeded) == 0) {
            return Errc::unsupported;
        }
        const bool keeps = bugs_.has(Bug::limits_kept) && features_ != 0;
        features_ = keeps ? features_ : (offered & driver().known()) | kNeeded;
        registers_.take(features_);
        registers_.set_status(kAgreed);
        if (registers_.status() != kAgreed) {
            return Errc::refused;
        }
        return driver().set_up();
    }

    void fail(Errc why, int32_t detail = 0) noexcept {
        registers_.set_status(VIRTIO_CONFIG_S_FAILED);
        stage_ = Stage::failed;
        driver().end_use();
        tell(why, detail);
    }

    /// Whoever waits for the device hears of it, once.
    void tell(Errc code, int32_t detail) noexcept {
        if (completer_.armed()) {
            completer_.complete(code, detail);
        }
    }

    IrqLines& lines_;
    VirtioPlace place_;
    IrqLine line_{};
    uint64_t features_ = 0;
    bool changed_ = false;  ///< the configuration, since it was looked at
    Completer completer_{};
};

/// Whether a feature is among those.
constexpr bool has_feature(uint64_t features, uint32_t bit) noexcept {
    return (features >> bit & 1) != 0;
}

}  // namespace v0
}  // namespace resume
