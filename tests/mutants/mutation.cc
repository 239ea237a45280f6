#include "tests/mutants/mutation.h"

#include <map>
#include <memory>

#include "tests/mutants/equivalents.h"
#include "tests/mutants/hooks.h"

namespace resume::mutants {
namespace {

const char* name_of(Change change) {
    constexpr const char* kNames[] = {"none",        "drop_row",    "swap_rows",  "swap_down",
                                      "swap_up",     "lie_row",     "empty_hook", "lie_hook",
                                      "invert_hook", "swallow_call"};
    return kNames[static_cast<uint8_t>(change)];
}

void swap_down(StepRow& a, StepRow& b) {
    std::swap(a.down, b.down);
    std::swap(a.down_phase, b.down_phase);
    std::swap(a.down_walk, b.down_walk);
}

void swap_up(StepRow& a, StepRow& b) {
    std::swap(a.up, b.up);
    std::swap(a.up_phase, b.up_phase);
    std::swap(a.up_walk, b.up_walk);
}

void add_rows(std::vector<Mutation>& all) {
    for (uint8_t row = 0; row < kStepTable.count; ++row) {
        const StepRow& here = kStepTable.rows[row];
        for (const Change change : {Change::drop_row, Change::lie_row}) {
            all.push_back(
                {.change = change,
                 .row = row,
                 .what = std::string{name_of(change)} + " " + resume::name_of(here.down)});
        }
        if (row + 1 == kStepTable.count) {
            continue;
        }
        for (const Change change : {Change::swap_rows, Change::swap_down, Change::swap_up}) {
            all.push_back({.change = change,
                           .row = row,
                           .what = std::string{name_of(change)} + " " + resume::name_of(here.down) +
                                   "/" + resume::name_of(kStepTable.rows[row + 1].down)});
        }
    }
}

void add_hooks(std::vector<Mutation>& all, const std::vector<Device*>& drivers) {
    for (size_t driver = 0; driver < drivers.size(); ++driver) {
        const DriverOps& ops = drivers[driver]->ops();
        for (uint8_t index = 1; index < kPhaseCount; ++index) {
            const auto phase = static_cast<Phase>(index);
            if (!has_hook(ops, phase)) {
                continue;
            }
            const bool up = phase >= Phase::syscore_resume;
            for (const Change change :
                 {Change::empty_hook, Change::lie_hook, Change::invert_hook}) {
                if (change == Change::invert_hook && !up) {
                    continue;
                }
                all.push_back({.change = change,
                               .driver = driver,
                               .phase = phase,
                               .what = std::string{name_of(change)} + " " + ops.driver + "." +
                                       resume::name_of(phase)});
            }
        }
    }
}

}  // namespace

StepTable table_of(const Mutation& mutation) {
    StepTable table = kStepTable;
    StepRow* const rows = table.rows;
    switch (mutation.change) {
        case Change::drop_row:
            for (uint8_t i = mutation.row; i + 1 < table.count; ++i) {
                rows[i] = rows[i + 1];
            }
            --table.count;
            break;
        case Change::swap_rows:
            std::swap(rows[mutation.row], rows[mutation.row + 1]);
            break;
        case Change::swap_down:
            swap_down(rows[mutation.row], rows[mutation.row + 1]);
            break;
        case Change::swap_up:
            swap_up(rows[mutation.row], rows[mutation.row + 1]);
            break;
        case Change::lie_row:
            rows[mutation.row].liar = true;
            break;
        default:
            break;
    }
    return table;
}

std::vector<Mutation> all_mutations(const std::vector<Device*>& drivers) {
    std::vector<Mutation> all;
    add_rows(all);
    add_hooks(all, drivers);
    return all;
}

std::vector<Mutation> swallowed(const Trace& trace, EventKind kind, model::FaultSite site,
                                bool has_sub) {
    std::vector<Mutation> all;
    std::map<std::pair<uint32_t, uint32_t>, uint32_t> made;
    bool in_cycle = false;
    for (uint32_t i = 0; i < trace.size(); ++i) {
        const TraceEvent& event = trace.at(i);
        if (event.kind == EventKind::cycle_begin) {
            in_cycle = true;
        } else if (event.kind == EventKind::cycle_end) {
            break;
        } else if (event.kind == kind) {
            const uint32_t sub = has_sub ? static_cast<uint32_t>(event.arg64) : model::kAnySub;
            const uint32_t before = made[{event.arg32, sub}]++;
            if (in_cycle) {
                all.push_back({.change = Change::swallow_call,
                               .site = site,
                               .number = event.arg32,
                               .sub = sub,
                               .skip = before,
                               .what = "swallow_call " + std::to_string(event.arg32) + "." +
                                       (has_sub ? std::to_string(sub) : std::string{}) + "(" +
                                       std::to_string(event.arg64 >> 32) + ") no. " +
                                       std::to_string(before + 1)});
            }
        }
    }
    return all;
}

void break_guest(const Mutation& mutation, Machine& machine, Device* driver) {
    if (mutation.change == Change::swallow_call) {
        machine.faults.add({.site = mutation.site,
                            .number = mutation.number,
                            .sub = mutation.sub,
                            .skip = mutation.skip,
                            .times = mutation.times,
                            .swallow = true});
    } else if (mutation.phase != Phase::none) {
        break_hook(*driver, mutation.phase, mutation.change);
    }
}

Field xen_field(model::GuestKind guest, Equivalents& equivalents) {
    Field field;
    field.guest = model::name_of(guest);
    for (uint8_t kind = 0; kind < kCycleKindCount; ++kind) {
        field.kinds.emplace_back(name_of(static_cast<CycleKind>(kind)));
    }
    field.all = [guest] {
        Victim sample{guest, CycleKind::checkpoint, kStepTable};
        std::vector<Device*> drivers;
        while (Device* const driver = sample.driver(drivers.size())) {
            drivers.push_back(driver);
        }
        return all_mutations(drivers);
    };
    field.calls = [guest](size_t kind) {
        Victim unchanged{guest, static_cast<CycleKind>(kind), kStepTable};
        static_cast<void>(unchanged.run());
        return swallowed(unchanged.machine.trace, EventKind::hypercall, model::FaultSite::hypercall,
                         true);
    };
    field.run = [guest](size_t kind, const Mutation& mutation) {
        const StepTable table = table_of(mutation);
        const auto victim = std::make_unique<Victim>(guest, static_cast<CycleKind>(kind), table);
        const auto broken = [&] {
            break_guest(mutation, victim->machine, victim->driver(mutation.driver));
        };
        if (mutation.change == Change::swallow_call) {
            broken();  // counted from boot
        } else {
            victim->mutate = broken;
        }
        return victim->run();
    };
    field.equivalents = &equivalents;
    return field;
}

}  // namespace resume::mutants
