// Ordinary devices of the modelled guest: as many hooks as there are, with the behaviours that a
// scenario asks for. They stand for the embedder's own, so nothing of Xen is in them.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "drivers/model/config.h"
#include "drivers/xen_guest/xen_guest.h"

namespace resume::stress {

/// What a device does in the next cycle; zeros are an ordinary one.
struct Behaviour {
    Errc refuse = Errc::none;  ///< of its suspend hook
    Phase refuse_in = Phase::suspend;
    uint32_t suspend_wait_ms = 0;  ///< drains: finishes that much later
    uint32_t resume_wait_ms = 0;   ///< after a real resume: connects to its backend
    bool never_completes = false;  ///< the hook is pending for ever
    bool reads_clock = false;      ///< in resume_noirq and resume: stamps what it does
    bool calls_cpus = false;       ///< in resume_noirq: needs every other CPU to answer
    /// Called in each hook of the way down, before anything else.
    std::function<void(Phase)> meanwhile{};
};

/// A device of the embedder's own as a tree lists it.
struct OwnDevice {
    std::string name;
    std::string parent;       ///< one that is listed before it; empty: the store
    uint32_t suspend_ms = 0;  ///< it drains for so long
    uint32_t resume_ms = 0;   ///< after a real resume it connects for so long
    bool operator==(const OwnDevice&) const = default;
};
/// A disk and an interface that wait, and one that does not, by the names that they have there.
const std::vector<OwnDevice>& standard_devices(model::GuestKind guest);
inline constexpr size_t kMostOwnDevices = 24;

class OrdinaryDevice final : public Device {
  public:
    /// `guest` is whatever has a clock and bugs: XenGuest, KvmGuest.
    template <class Guest>
    OrdinaryDevice(Guest& guest, const char* name) noexcept
        : OrdinaryDevice{
              &guest, [](void* of) noexcept { (void)static_cast<Guest*>(of)->time().monotonic(); },
              guest.config().bugs, name} {}

    Behaviour behaviour;
    /// Of the guest's tasks; empty where there are none.
    std::function<bool()> tasks_frozen{};
    /// It was taken out in mid-cycle: no hook of the way down is its any more.
    bool leaves = false;
    /// The first promise to its hooks that was not kept; null when all were.
    const char* broken = nullptr;
    /// How often it connected anew: a resume that was none would show here.
    uint32_t reconnects = 0;
    uint32_t cycles = 0;

  private:
    OrdinaryDevice(void* guest, void (*read_clock)(void* guest) noexcept, Bugs bugs,
                   const char* name) noexcept;
    Progress prepare(ThreadContext&) noexcept;
    Progress complete(ThreadContext&, Outcome) noexcept;
    Progress suspend(ThreadContext&) noexcept;
    Progress resume(ThreadContext&, Outcome) noexcept;
    Progress suspend_late(ThreadContext&) noexcept;
    Progress resume_early(ThreadContext&, Outcome) noexcept;
    Result<> suspend_noirq(NoirqContext&) noexcept;
    Result<> resume_noirq(NoirqContext&, Outcome) noexcept;
    /// How far down it is; each hook insists on the one before.
    enum class Place : uint8_t { up, prepared, suspended, late, noirq };
    void move(Place from, Place to) noexcept;
    void insist(bool kept, const char* promise) noexcept;
    [[nodiscard]] bool refuses(Phase phase) const noexcept;
    void begin(Phase phase) noexcept;
    Progress later(ThreadContext&, uint32_t ms) noexcept;
    static const DriverOps kOps;

    void* guest_;
    void (*read_clock_)(void* guest) noexcept;
    Bugs bugs_;
    Place place_ = Place::up;
    bool was_at_the_bottom_ = false;  ///< in this cycle
    Completer completer_;
};

}  // namespace resume::stress
