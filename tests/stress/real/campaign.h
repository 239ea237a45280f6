// A real guest, cycle after cycle.
#pragma once

#include <atomic>
#include <memory>
#include <ostream>

#include "tests/stress/program/words.h"
#include "tests/stress/real/method.h"
#include "tests/stress/real/options.h"
#include "tests/stress/real/state.h"

namespace resume::stress::real {

/// Runs until all cycles are done or `stop` is set, telling each to `out`. Throws UnusableFile,
/// NotAvailable.
State run_campaign(const Options& options, std::unique_ptr<Driver> driver,
                   const std::atomic<bool>& stop, std::ostream& out);

/// Flakes among the failures are marked as known where they are rare enough.
void let_flakes_off(const Options& options, State& state);

void print_summary(std::ostream& out, const Options& options, const State& state);
void print_junit(std::ostream& out, const Options& options, const State& state);
ExitCode exit_code_of(const State& state);

}  // namespace resume::stress::real
