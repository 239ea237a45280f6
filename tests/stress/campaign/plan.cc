#include "tests/stress/campaign/plan.h"

#include "tests/stress/campaign/faults.h"

namespace resume::stress {

namespace {

constexpr uint32_t kMostFaults = 3;  ///< in a cycle
constexpr uint32_t kGoneOneIn = 16;
constexpr uint32_t kManyOneIn = 32;
constexpr uint32_t kManyVcpus = 34;  ///< Xen has places of its own for 32

struct Weighted {
    model::HostAct act;
    uint32_t weight;
};
constexpr Weighted kActs[] = {
    {model::HostAct::checkpoint, 4},
    {model::HostAct::fast, 2},
    {model::HostAct::slow, 2},
    {model::HostAct::in_place, 2},
    {model::HostAct::save_restore, 3},
    {model::HostAct::migrate, 4},
    {model::HostAct::migrate_fails_late, 2},
    {model::HostAct::migrate_fails_early, 1},
};

constexpr struct WeightedWant {
    KvmWant act;
    uint32_t weight;
} kWants[] = {
    {KvmWant::s3, 6},       {KvmWant::s2idle, 4},  {KvmWant::hibernate, 5},
    {KvmWant::pause, 1},    {KvmWant::migrate, 3}, {KvmWant::migrate_fails, 1},
    {KvmWant::snapshot, 2}, {KvmWant::clone, 1},
};

template <class Row, std::size_t size>
auto draw_row(Dice& dice, const Row (&rows)[size]) {
    uint32_t all = 0;
    for (const Row& row : rows) {
        all += row.weight;
    }
    uint32_t ticket = dice.below(all);
    for (const Row& row : rows) {
        if (ticket < row.weight) {
            return row.act;
        }
        ticket -= row.weight;
    }
    return rows[0].act;
}

void draw_guest(Dice& dice, LifePlan& plan) {
    plan.seed = dice.word();
    plan.order = dice.one_in(4) ? 0 : dice.word() | 1;
    plan.vcpus = dice.one_in(2) ? 1 : 1U << dice.below(3);
    if (dice.one_in(kManyOneIn)) {
        plan.vcpus = kManyVcpus;
    }
    plan.vcpu_vector = dice.one_in(2);
    plan.hosts = 1 + dice.below(3);
    plan.tick_ms = dice.one_in(4) ? (dice.one_in(4) ? 10 : 100) : 0;
    if (plan.vcpus == kManyVcpus) {
        plan.tick_ms = 0;  // nobody would see the cycles for the ticks
    }
    plan.queues = 1 + dice.below(2);
    plan.segments = dice.one_in(2) ? 0U : 16U << dice.below(3);
    plan.persistent = dice.one_in(3);
    plan.network = dice.one_in(3);
    plan.reads_clock = dice.one_in(3);
    plan.calls_cpus = dice.one_in(3);
    plan.exception_gates = !dice.one_in(4);
    plan.balloon = dice.one_in(3);
    plan.fifo = dice.one_in(2);
    plan.spare_vcpus = dice.one_in(3) ? 1 + dice.below(2) : 0;
}

PlannedCycle draw_cycle(Dice& dice, const LifePlan& plan, uint64_t enabled) {
    PlannedCycle cycle;
    if (plan.guest == model::GuestKind::kvm) {
        cycle.kvm = draw_row(dice, kWants);
    } else {
        cycle.act = draw_row(dice, kActs);
    }
    cycle.load = dice.one_in(6);
    cycle.awake_ms = dice.one_in(4) ? dice.below(50) : 0;
    // Half of the cycles have no fault, and few of the faults keep the guest from going down: what
    // comes after the hypercall is where most goes wrong.
    for (bool more = dice.one_in(2); more && cycle.faults.size() < kMostFaults;
         more = dice.one_in(3)) {
        if (const auto fault = draw_fault(dice, plan, enabled)) {
            cycle.faults.push_back(*fault);
        }
    }
    return cycle;
}

}  // namespace

const char* name_of(KvmWant want) noexcept {
    constexpr const char* kNames[] = {"s3",      "s2idle",        "hibernate", "pause",
                                      "migrate", "migrate-fails", "snapshot",  "clone"};
    static_assert(sizeof kNames / sizeof *kNames == kKvmWantCount);
    return kNames[static_cast<uint8_t>(want)];
}

std::optional<model::GuestKind> guest_named(const std::string& name) {
    for (const auto guest :
         {model::GuestKind::xen_hvm, model::GuestKind::xen_pvh, model::GuestKind::kvm}) {
        if (name == model::name_of(guest)) {
            return guest;
        }
    }
    return std::nullopt;
}

const char* want_of(const LifePlan& plan, const PlannedCycle& cycle) {
    return plan.guest == model::GuestKind::kvm ? name_of(cycle.kvm) : name_of(cycle.act);
}

void apply(const DeviceTree& tree, LifePlan& plan) {
    plan.devices = tree.devices;
    for (const auto& [name, value] : tree.settled) {
        (void)set_by_name(plan, name, value);  // looked at when the tree was read
    }
}

LifePlan draw_life(const DrawOptions& options, uint64_t life) {
    Dice dice{mixed(options.seed * 0x9e3779b97f4a7c15 + mixed(life + 1))};
    LifePlan plan{.guest = options.guest,
                  .bugs = options.bugs,
                  .devices = standard_devices(options.guest),
                  .part = options.part,
                  .table = options.table,
                  .spoil = options.spoil};
    draw_guest(dice, plan);
    if (options.tree) {
        apply(*options.tree, plan);
    }
    uint64_t enabled = options.faults;
    const uint64_t subset = dice.word();
    if (options.swarm) {
        enabled &= subset;
    }
    for (uint32_t i = 0; i < kLifeCycles; ++i) {
        plan.cycles.push_back(draw_cycle(dice, plan, enabled));
    }
    // It can come only last.
    if (plan.guest != model::GuestKind::kvm &&
        (enabled >> static_cast<uint8_t>(FaultKind::host_gone) & 1) != 0 &&
        dice.one_in(kGoneOneIn)) {
        plan.cycles.back().faults = {{.kind = FaultKind::host_gone}};
    }
    return plan;
}

}  // namespace resume::stress
