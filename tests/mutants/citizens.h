// What lives in the victim beside the standard drivers: a task that uses a disk, the disk, and the
// bus above it. Each insists on what it was promised; a broken promise panics the guest.
#pragma once

#include <functional>

#include "drivers/support/tasks.h"
#include "libresume/engine.h"

namespace resume::mutants {

class Citizens;

/// Where in the cycle a device is; each hook insists on the one before.
enum class Place : uint8_t { up, prepared, suspended, late, noirq };

class Citizen final : public Device {
  public:
    Citizen(Citizens& citizens, const char* name, bool is_bus) noexcept;
    [[nodiscard]] Place place() const noexcept { return place_; }
    Phase refuses = Phase::none;
    std::function<void(Phase)> meanwhile{};  ///< in its suspend hook, before anything else

  private:
    void move(Place from, Place to) noexcept;
    Progress prepare(ThreadContext&) noexcept;
    Progress suspend(ThreadContext&) noexcept;
    Progress late(ThreadContext&) noexcept;
    Result<> noirq(NoirqContext&) noexcept;
    Result<> noirq_up(NoirqContext&, Outcome) noexcept;
    Progress early(ThreadContext&, Outcome) noexcept;
    Progress resume(ThreadContext&, Outcome) noexcept;
    Progress complete(ThreadContext&, Outcome) noexcept;
    static const DriverOps kOps;

    Citizens& citizens_;
    bool is_bus_;
    Place place_ = Place::up;
    bool was_masked_ = false;  ///< went through its noirq hooks in this cycle
};

/// What the guest promises them, beside the order of hooks. A guest without a store keeps its gate
/// closed and has nothing to use.
struct Promises {
    std::function<bool()> store_closed = [] { return true; };
    std::function<bool(uint32_t task)> inside_store = [](uint32_t) { return false; };
    std::function<Result<>()> use_store = [] { return Result<>{}; };
    std::function<void()> read_clock;
};

class Citizens {
  public:
    Citizens(Machine& machine, Promises promised) noexcept;

    template <class Guest>
    Result<> add(Guest& guest) noexcept {
        RESUME_TRY(guest.add(bus));
        return guest.add(disk, &bus);
    }
    template <class Guest>
    void remove(Guest& guest) noexcept {
        static_cast<void>(guest.remove(disk).ok());
        static_cast<void>(guest.remove(bus).ok());
    }
    static Tasks tasks(Citizens& citizens) noexcept;

    /// The task runs for a moment, if nobody has stopped it: it uses the disk.
    void let_the_task_run() noexcept;
    /// What the trace says of the interrupts of devices.
    [[nodiscard]] bool device_irqs_masked() const noexcept;

    Promises promised;
    Machine& machine;
    Citizen bus{*this, "bus", true};
    Citizen disk{*this, "disk", false};
    bool frozen = false;
    /// What goes on beside the cycle, whoever does it; called where no device may do anything.
    std::function<void()> bystander;
};

}  // namespace resume::mutants
