// How a guest is taken through a cycle.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "tests/stress/real/options.h"
#include "tests/stress/real/state.h"
#include "tests/stress/real/witness.h"

namespace resume::stress::real {

struct CycleDraw {
    uint64_t number = 0;  ///< from 1; 0 is the probe
    uint32_t asleep_ms = 0;
    uint32_t awake_ms = 0;
};

/// The same for the same seed and number, on every machine.
CycleDraw draw_cycle(const Options& options, uint64_t number);
/// Of the mix, by weight.
Act act_of(const Options& options, const CycleDraw& draw);

struct CycleResult {
    std::string act{};      ///< from outside: what was done to the guest; it is counted by that too
    std::string outcome{};  ///< resumed, cancelled, aborted; cmd: done, failed
    int error = 0;          ///< errno of the kernel's refusal
    std::string problem{};  ///< one line; empty: it went as it should
    bool needs_reset = false;
};

class NotAvailable : public std::runtime_error {
  public:
    using std::runtime_error::runtime_error;
};

class Driver {
  public:
    virtual ~Driver() = default;
    /// Once, before the first cycle; what it changes is noted in `state` before it is changed.
    /// Throws NotAvailable, with what to do about it.
    virtual void prepare(State& state) = 0;
    virtual CycleResult cycle(const CycleDraw& draw) = 0;
    /// The kind that an agent in the guest reports; empty: it cannot be known.
    [[nodiscard]] virtual std::string kind() const = 0;
    /// Of the agent in the guest.
    virtual Reports& reports() = 0;
    /// For the commands around a cycle: who the guest is, as NAME=value.
    [[nodiscard]] virtual std::vector<std::string> environment() const { return {}; }
    /// Makes the guest stand again. One line on what did not work; empty when it did.
    virtual std::string reset() { return {}; }
};

/// Puts back what a run that was killed has left behind.
void put_back(const State& left);

std::unique_ptr<Driver> driver_of(const Options& options);
std::unique_ptr<Driver> qmp_driver(const Options& options);

}  // namespace resume::stress::real
