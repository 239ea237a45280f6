// A plan as text: one word and its values a line, for stored failures and for people.
#include <sstream>

#include "tests/stress/campaign/faults.h"

namespace resume::stress {

namespace {

constexpr const char* kTitle = "resume-stress-plan 1";
constexpr const char* kNobody = "-";
constexpr uint32_t kMostMs = 600'000;
constexpr size_t kMostChoices = 10'000;

struct Number {
    const char* name;
    uint32_t LifePlan::*value;
    uint32_t least, most;
};
constexpr Number kNumbers[] = {
    {"vcpus", &LifePlan::vcpus, 1, kMaxVcpus - 2}, {"hosts", &LifePlan::hosts, 1, 3},
    {"tick-ms", &LifePlan::tick_ms, 0, kMostMs},   {"queues", &LifePlan::queues, 1, 2},
    {"segments", &LifePlan::segments, 0, 256},     {"spare-vcpus", &LifePlan::spare_vcpus, 0, 2},
};
struct Flag {
    const char* name;
    bool LifePlan::*value;
};
constexpr Flag kFlags[] = {
    {"vcpu-vector", &LifePlan::vcpu_vector}, {"network", &LifePlan::network},
    {"persistent", &LifePlan::persistent},   {"reads-clock", &LifePlan::reads_clock},
    {"calls-cpus", &LifePlan::calls_cpus},   {"exception-gates", &LifePlan::exception_gates},
    {"balloon", &LifePlan::balloon},         {"fifo", &LifePlan::fifo},
};

std::optional<model::HostAct> act_named(const std::string& name) {
    for (uint8_t i = 0; i < model::kHostActCount; ++i) {
        const auto act = static_cast<model::HostAct>(i);
        if (name == name_of(act)) {
            return act;
        }
    }
    return std::nullopt;
}

bool read_number(const std::string& word, std::istringstream& rest, LifePlan& plan) {
    uint32_t value = 0;
    return static_cast<bool>(rest >> value) && set_by_name(plan, word, value);
}

bool read_device(std::istringstream& rest, LifePlan& plan) {
    OwnDevice device;
    if (!(rest >> device.name >> device.parent >> device.suspend_ms >> device.resume_ms)) {
        return false;
    }
    device.parent = device.parent == kNobody ? "" : device.parent;
    return !add_checked(plan.devices, device);
}

bool read_want(const std::string& word, const LifePlan& plan, PlannedCycle& cycle) {
    if (plan.guest != model::GuestKind::kvm) {
        const auto act = act_named(word);
        cycle.act = act.value_or(cycle.act);
        return act.has_value();
    }
    for (uint8_t i = 0; i < kKvmWantCount; ++i) {
        cycle.kvm = static_cast<KvmWant>(i);
        if (word == name_of(cycle.kvm)) {
            return true;
        }
    }
    return false;
}

bool read_cycle(std::istringstream& rest, LifePlan& plan) {
    std::string want;
    PlannedCycle cycle;
    if (!(rest >> want >> cycle.load >> cycle.awake_ms) || !read_want(want, plan, cycle)) {
        return false;
    }
    plan.cycles.push_back(cycle);
    return true;
}

bool read_guest(std::istringstream& rest, LifePlan& plan) {
    std::string name;
    rest >> name;
    const auto guest = guest_named(name);
    plan.guest = guest.value_or(plan.guest);
    plan.devices = standard_devices(plan.guest);
    return guest.has_value() && plan.cycles.empty();
}

bool read_fault(std::istringstream& rest, LifePlan& plan) {
    std::string name;
    PlannedFault fault;
    if (!(rest >> name >> fault.a >> fault.b >> fault.c) || !fault_named(name) ||
        plan.cycles.empty()) {
        return false;
    }
    fault.kind = *fault_named(name);
    if (!in_bounds(fault, plan)) {
        return false;
    }
    plan.cycles.back().faults.push_back(fault);
    return true;
}

bool read_line(const std::string& word, std::istringstream& rest, LifePlan& plan) {
    std::string name;
    if (word == "guest") {
        return read_guest(rest, plan);
    }
    if (word == "seed" || word == "order") {
        return static_cast<bool>(rest >> (word == "seed" ? plan.seed : plan.order));
    }
    if (word == "bug") {
        rest >> name;
        plan.bugs = plan.bugs.with(bug_named(name.c_str()));
        return bug_named(name.c_str()) != Bug::none;
    }
    if (word == "cycle") {
        return read_cycle(rest, plan);
    }
    if (word == "choices") {
        for (uint32_t choice = 0; rest >> choice;) {
            plan.choices.push_back(choice);
        }
        return rest.eof() && plan.choices.size() <= kMostChoices;
    }
    if (word == "own-devices") {  // in the place of the standard ones
        plan.devices.clear();
        return plan.cycles.empty();
    }
    if (word == "device") {
        return plan.cycles.empty() && read_device(rest, plan);
    }
    return word == "fault" ? read_fault(rest, plan) : read_number(word, rest, plan);
}

}  // namespace

bool set_by_name(LifePlan& plan, const std::string& name, uint32_t value) {
    for (const Number& row : kNumbers) {
        if (name == row.name) {
            plan.*row.value = value;
            return value >= row.least && value <= row.most;
        }
    }
    for (const Flag& row : kFlags) {
        if (name == row.name) {
            plan.*row.value = value != 0;
            return value <= 1;
        }
    }
    return false;
}

std::string to_text(const LifePlan& plan) {
    std::ostringstream out;
    out << kTitle << "\nguest " << name_of(plan.guest) << "\nseed " << plan.seed << "\norder "
        << plan.order << '\n';
    for (const Number& row : kNumbers) {
        out << row.name << ' ' << plan.*row.value << '\n';
    }
    for (const Flag& row : kFlags) {
        out << row.name << ' ' << plan.*row.value << '\n';
    }
    for (uint8_t i = 0; i + 1 < kBugCount; ++i) {
        if (plan.bugs.has(bug_info(i).bug)) {
            out << "bug " << bug_info(i).name << '\n';
        }
    }
    if (plan.devices != standard_devices(plan.guest)) {
        out << "own-devices\n";
        for (const OwnDevice& device : plan.devices) {
            out << "device " << device.name << ' '
                << (device.parent.empty() ? kNobody : device.parent) << ' ' << device.suspend_ms
                << ' ' << device.resume_ms << '\n';
        }
    }
    if (!plan.choices.empty()) {
        out << "choices";
        for (const uint32_t choice : plan.choices) {
            out << ' ' << choice;
        }
        out << '\n';
    }
    for (const PlannedCycle& cycle : plan.cycles) {
        out << "cycle " << want_of(plan, cycle) << ' ' << cycle.load << ' ' << cycle.awake_ms
            << '\n';
        for (const PlannedFault& fault : cycle.faults) {
            out << "fault " << row_of(fault.kind).name << ' ' << fault.a << ' ' << fault.b << ' '
                << fault.c << "  # " << story_of(fault, plan) << '\n';
        }
    }
    return out.str();
}

std::optional<LifePlan> plan_from(const std::string& text, std::string& error) {
    std::istringstream in{text};
    std::string line;
    LifePlan plan;
    for (uint32_t number = 1; std::getline(in, line); ++number) {
        std::istringstream rest{line};
        std::string word;
        if (number == 1) {
            if (line != kTitle) {
                error = "line 1: not a plan: it does not begin with '" + std::string{kTitle} + "'";
                return std::nullopt;
            }
        } else if (rest >> word && word[0] != '#' && !read_line(word, rest, plan)) {
            error = "line " + std::to_string(number) + ": cannot be right: " + line;
            return std::nullopt;
        }
    }
    if (plan.cycles.empty()) {
        error = "there is no cycle in it";
        return std::nullopt;
    }
    return plan;
}

}  // namespace resume::stress
