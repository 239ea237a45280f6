// The drivers of this project under the suite. Each is used by what it is there for.
#include <xen/features.h>

#include "tests/conformance/conformance.h"

namespace resume::conformance {
namespace {

/// Two vCPUs, and IPIs that are counted.
struct AnySubject {
    explicit AnySubject(CallbackMode mode = CallbackMode::global_vector,
                        model::GuestKind kind = model::GuestKind::xen_pvh)
        : guest{options(this, mode, kind)} {}
    AnySubject(const AnySubject&) = delete;
    AnySubject& operator=(const AnySubject&) = delete;

    static GuestOptions options(AnySubject* self, CallbackMode mode, model::GuestKind kind) {
        GuestOptions options;
        options.machine = ModelGuest::machine_of(2, kind);
        options.guest.callback.mode = mode;
        options.guest.unplug = kind == model::GuestKind::xen_hvm
                                   ? UnplugMask::ide_disks | UnplugMask::nics
                                   : UnplugMask::none;
        options.guest.ipi = [](void* subject, uint32_t cpu) noexcept {
            ++static_cast<AnySubject*>(subject)->ipis[cpu];
        };
        options.guest.ipi_argument = self;
        return options;
    }
    void attach() {}
    void wait(uint64_t ms) {
        const Ticks end = raw_counter(guest.machine) + counter_hz(guest.machine) / 1000 * ms;
        while (raw_counter(guest.machine) < end) {
            guest.guest.pump();
            wait_for_interrupt(guest.machine, end);
        }
    }
    bool ipis_arrive() {
        for (uint32_t cpu = 0; cpu < 2; ++cpu) {
            const uint32_t before = ipis[cpu];
            if (!guest.guest.send_ipi(cpu)) {
                return false;
            }
            wait(1);
            if (ipis[cpu] == before) {
                return false;
            }
        }
        return true;
    }

    uint32_t ipis[2] = {};
    ModelGuest guest;
};

struct HypercallPageSubject : AnySubject {
    Device& device() { return guest.guest.hypercall_page(); }
    bool works() {
        return guest.guest.hypercall_page().feature(XENFEAT_hvm_callback_vector) &&
               guest.guest.hypercall_page().identity().domid == guest.machine.domain.id();
    }
};

struct SharedInfoSubject : AnySubject {
    Device& device() { return guest.guest.shared_info(); }
    bool works() {
        const auto base = guest.guest.shared_info().read_wall_base();
        const vcpu_time_info& time = guest.guest.shared_info().vcpu(1).time;
        return base.ok() && base.value().seconds > model::kWallStart / 2 &&
               pvclock_snapshot(time, 1).ok() && time.tsc_to_system_mul != 0;
    }
};

template <CallbackMode kMode>
struct CallbackSubject : AnySubject {
    CallbackSubject() : AnySubject{kMode} {}
    Device& device() { return guest.guest.callback(); }
    bool works() { return guest.guest.callback().mode() == kMode && ipis_arrive(); }
};

struct EventChannelsSubject : AnySubject {
    Device& device() { return guest.guest.events(); }
    bool works() {
        const uint64_t stale = guest.guest.events().stale_count();
        return ipis_arrive() && !guest.guest.events().notify_port(4000) &&
               guest.guest.events().stale_count() == stale + 1;
    }
};

struct TimerSubject : AnySubject {
    Device& device() { return guest.guest.timer(); }
    bool works() {
        const uint64_t before = guest.guest.timer().ticks(0);
        if (!guest.guest.time().arm_after(model::kMillisecond).ok()) {
            return false;
        }
        wait(5);
        return guest.guest.timer().ticks(0) == before + 1;
    }
};

struct TimekeepingSubject : AnySubject {
    Device& device() { return guest.guest.time(); }
    bool works() {
        const Nanoseconds before = guest.guest.time().monotonic();
        wait(3);
        const Nanoseconds now = guest.guest.time().monotonic();
        const bool moves = now > last && now >= before + 2 * model::kMillisecond;
        last = now;
        return moves && guest.guest.time().wall() / model::kSecond >= model::kWallStart &&
               guest.guest.time().unsettled_reads() == 0;
    }
    Nanoseconds last = 0;
};

struct GrantTableSubject : AnySubject {
    Device& device() { return guest.guest.grants(); }
    bool works() {
        GrantTable& grants = guest.guest.grants();
        const auto made = grants.grant(0, 0x1234, true);
        return made.ok() && grants.in_use() == 1 && grants.end(made.value()).ok() &&
               grants.end(made.value()).error().code == Errc::gone;
    }
};

struct UnplugSubject : AnySubject {
    UnplugSubject() : AnySubject{CallbackMode::global_vector, model::GuestKind::xen_hvm} {}
    Device& device() { return guest.guest.unplug(); }
    bool works() {
        return guest.guest.unplug().unplugged() && guest.machine.ports.unplugged() == 3;
    }
};

struct ConsoleSubject : AnySubject {
    Device& device() { return guest.guest.console(); }
    bool works() {
        const size_t before = guest.machine.console.text().size();
        const bool written = guest.guest.console().write_all(
            "hello", 5, raw_counter(guest.machine) + counter_hz(guest.machine));
        wait(1);
        return written && guest.machine.console.text().substr(before) == "hello";
    }
};

struct StoreSubject : AnySubject {
    Device& device() { return guest.guest.store(); }
    bool works() {
        char value[8] = {};
        Store& store = guest.guest.store();
        return store.write("data/works", "yes", 3).ok() &&
               store.read("data/works", value, sizeof(value)).ok() && std::string{value} == "yes" &&
               store.remove("data/works").ok();
    }
};

using Drivers = testing::Types<
    HypercallPageSubject, SharedInfoSubject, CallbackSubject<CallbackMode::global_vector>,
    CallbackSubject<CallbackMode::vcpu_vector>, EventChannelsSubject, TimerSubject,
    TimekeepingSubject, GrantTableSubject, UnplugSubject, ConsoleSubject, StoreSubject>;

struct Names {
    template <class Subject>
    static std::string GetName(int) {
        Subject subject;
        return std::string{subject.device().name()} +
               (std::is_same_v<Subject, CallbackSubject<CallbackMode::vcpu_vector>> ? "_vcpu_vector"
                                                                                    : "");
    }
};
INSTANTIATE_TYPED_TEST_SUITE_P(Drivers, Conformance, Drivers, Names);

}  // namespace
}  // namespace resume::conformance
