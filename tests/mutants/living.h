// What every victim does alike: it boots, is broken, goes through two cycles, lives a little after
// each, and is judged. What it cannot notice itself, the oracle must.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "drivers/model/machine.h"
#include "libresume/oracle/trace_view.h"

namespace resume::mutants {

/// How a run ended. `wrong` is empty when nobody noticed anything; `digest` is of all events.
struct Ending {
    std::string wrong;
    uint64_t digest = 0;
};

class Living {
  public:
    Living(const Living&) = delete;
    Living& operator=(const Living&) = delete;

    /// Called when the drivers are registered, before the first cycle.
    std::function<void()> mutate;
    Ending run();

  protected:
    /// `machine` may still have to be made.
    explicit Living(Machine& machine) : living_{machine} {}
    ~Living() = default;

    // False when something is wrong, and it was said by fail().
    virtual bool boot() = 0;
    virtual bool arm_timers(Nanoseconds delay) = 0;
    virtual bool cycle() = 0;
    virtual bool live() = 0;
    /// What the oracle has to know of the guest; without events.
    virtual oracle::TraceView sights() = 0;

    /// Only the first is kept. False.
    bool fail(const std::string& what);
    /// False when the guest did not survive it, or something is wrong.
    bool run_guest(const std::function<void()>& code);
    [[nodiscard]] bool all_well() const { return wrong_.empty(); }
    [[nodiscard]] uint32_t round() const { return round_; }

  private:
    std::string judge();

    Machine& living_;
    uint32_t round_ = 0;
    std::string wrong_;
};

}  // namespace resume::mutants
