#include "libresume/engine.h"

namespace resume {
inline namespace v0 {

Engine::Engine(Machine& machine, const EngineConfig& config) noexcept
    : machine_{machine},
      config_{config},
      scheduler_{machine, *this, tree_, queue_, latch_, config_},
      trace_clears_{trace_of(machine).clears()} {
    RESUME_ASSERT(config.table != nullptr);
    RESUME_ASSERT(config.down_budget_ms > 0);
    RESUME_ASSERT(config.hook_deadline_ms > 0);
}

Engine::~Engine() {
    RESUME_ASSERT(!running());
}

Result<CycleResult> Engine::run(const Request& request) noexcept {
    if (request.last == Step::none || request.last > Step::enter) {
        return Errc::invalid;
    }
    if (running_.exchange(true, std::memory_order_acquire)) {
        return Errc::busy;
    }
    begin(request);
    const uint8_t rows = go_down(request.last);
    enter(request.last);
    come_up(rows);
    return end();
}

Result<CycleResult> Engine::record(Kind kind, Outcome outcome, DomainEvidence evidence) noexcept {
    if (running_.exchange(true, std::memory_order_acquire)) {
        return Errc::busy;
    }
    begin({.kind = kind});
    know_outcome(outcome);
    result_.evidence = evidence;
    write(EventKind::evidence, static_cast<uint32_t>(evidence), 0);
    return end();
}

void Engine::begin(const Request& request) noexcept {
    tree_.fix_order();
    if (trace_of(machine_).clears() != trace_clears_) {
        write_inventory();
    }
    result_ = {};
    result_.cycle = ++cycles_;
    strays_before_ = queue_.strays();
    result_.begin_ticks = raw_counter(machine_);
    scheduler_.begin_cycle();
    budget_ = result_.begin_ticks + scheduler_.ticks_per_ms() * config_.down_budget_ms;
    latch_.open();
    trace_of(machine_).write({.ticks = result_.begin_ticks,
                              .arg64 = result_.cycle,
                              .arg32 = result_.cycle,
                              .status = static_cast<int32_t>(request.kind),
                              .kind = EventKind::cycle_begin});
    scheduler_.trace_strays();
}

// Down the rows until the first failure; returns how many of them have something to undo.
uint8_t Engine::go_down(Step last) noexcept {
    const StepTable& table = *config_.table;
    RESUME_ASSERT(table.count <= kStepRowCount);
    for (uint8_t i = 0; i < table.count; ++i) {
        const StepRow& row = table.rows[i];
        const Error error = step_down(row);
        if (error.code != Errc::none) {
            abort(error, row.down);
            // A phase that failed half-way is undone for the devices that went down in it; any
            // other step that failed has undone itself.
            const bool half_done = row.down_phase != Phase::none;
            return half_done ? static_cast<uint8_t>(i + 1) : i;
        }
        if (row.down == last) {
            latch_.request(Errc::called_off);
            abort({.code = scheduler_.called_off()}, row.down);
            return static_cast<uint8_t>(i + 1);
        }
    }
    return table.count;
}

// The one step without a mirror: the hypercall. From here on the outcome is a fact (P1).
void Engine::enter(Step last) noexcept {
    if (result_.cause.code != Errc::none) {
        return;
    }
    if (const Error error = may_go_on(Step::enter); error.code != Errc::none) {
        return abort(error, Step::enter);
    }
    if (last != Step::enter || config_.guest.enter == nullptr) {
        latch_.request(Errc::called_off);
        return abort({.code = scheduler_.called_off()}, Step::enter);
    }
    write(EventKind::step_begin, static_cast<uint32_t>(Step::enter), 0);
    result_.enter_ticks = raw_counter(machine_);
    const Result<Outcome> left = config_.guest.enter(config_.guest.guest);
    result_.back_ticks = raw_counter(machine_);
    if (left.ok()) {
        RESUME_ASSERT(left.value() != Outcome::aborted);
        know_outcome(left.value());
    } else {
        abort(left.error(), Step::enter);
    }
    const Errc code = left.ok() ? Errc::none : left.error().code;
    write(EventKind::step_end, static_cast<uint32_t>(Step::enter), static_cast<int32_t>(code));
}

// Up the mirrors of the rows that went down, in any outcome; nothing stops the way up (P13).
void Engine::come_up(uint8_t rows) noexcept {
    RESUME_ASSERT(rows <= config_.table->count);
    for (uint8_t i = rows; i > 0; --i) {
        step_up(config_.table->rows[i - 1]);
    }
}

CycleResult Engine::end() noexcept {
    scheduler_.end_cycle();
    scheduler_.trace_strays();
    result_.errors_up += scheduler_.errors_up();
    result_.stray_completions = static_cast<uint32_t>(queue_.strays() - strays_before_);
    result_.end_ticks = raw_counter(machine_);
    write(EventKind::cycle_end, 0, static_cast<int32_t>(result_.outcome));
    const CycleResult result = result_;
    drop_removed();
    RESUME_ASSERT(running());
    running_.store(false, std::memory_order_release);
    return result;
}

void Engine::abort(const Error& cause, Step at) noexcept {
    RESUME_ASSERT(cause.code != Errc::none);
    RESUME_ASSERT(result_.cause.code == Errc::none);
    result_.cause = cause;
    result_.stopped_at = at;
    know_outcome(Outcome::aborted);
}

void Engine::know_outcome(Outcome outcome) noexcept {
    latch_.close();
    result_.outcome = outcome;
    write(EventKind::outcome_known, static_cast<uint32_t>(DomainEvidence::unknown),
          static_cast<int32_t>(outcome));
}

void Engine::call_off(Errc why) noexcept {
    RESUME_ASSERT(why != Errc::none);
    latch_.request(why);
}

bool Engine::running() const noexcept {
    return running_.load(std::memory_order_acquire);
}

DomainEvidence Engine::evidence() const noexcept {
    return result_.evidence;
}

uint64_t Engine::stray_completions() const noexcept {
    return queue_.strays();
}

}  // namespace v0
}  // namespace resume
