// stress-mutants list [kvm]      the mutants of step table and drivers of such a guest, one a line
// stress-mutants MUTANT COMMAND  resume-stress's commands with that mutant in each guest
//
// Those of single hypercalls are not among them: which call of a kind it is is a matter of one
// plan. Nor are those that change nothing in any kind of cycle (xen_equivalents.cc,
// kvm_equivalents.cc).
#include <algorithm>
#include <cstdio>
#include <string>

#include "tests/mutants/equivalents.h"
#include "tests/mutants/hooks.h"
#include "tests/mutants/kvm_victim.h"
#include "tests/mutants/mutation.h"
#include "tests/stress/program/program.h"
#include "tests/stress/program/words.h"

namespace {

using namespace resume;
using namespace resume::mutants;

// One in a process: whoever spoils the drivers is told of nothing else.
Mutation g_mutation;

bool changes_something(const Mutation& mutation, Field& field) {
    // Excused where its run is another one, and event for event the unbroken guest's elsewhere.
    if (mutation.what.ends_with("hypercall_page.syscore_resume")) {
        return false;
    }
    for (size_t kind = 0; kind < field.kinds.size(); ++kind) {
        if (field.equivalents->reason_for(kind, mutation) == nullptr) {
            return true;
        }
    }
    return false;
}

std::vector<Mutation> mutations_of(Field field) {
    std::vector<Mutation> all = field.all();
    std::erase_if(all,
                  [&](const Mutation& mutation) { return !changes_something(mutation, field); });
    return all;
}

std::vector<Mutation> mutations_on_xen() {
    Equivalents equivalents{xen_equivalents()};
    return mutations_of(xen_field(model::GuestKind::xen_hvm, equivalents));
}

std::vector<Mutation> mutations_on_kvm() {
    Equivalents equivalents{kvm_equivalents()};
    return mutations_of(kvm_field(equivalents));
}

/// "lie_hook timer.syscore_resume" is one of the driver "timer".
void spoil(std::span<Device* const> drivers) {
    for (Device* const device : drivers) {
        const std::string hook =
            std::string{" "} + device->ops().driver + "." + name_of(g_mutation.phase);
        if (g_mutation.phase != Phase::none && g_mutation.what.ends_with(hook)) {
            break_hook(*device, g_mutation.phase, g_mutation.change);
        }
    }
}

void print(const std::vector<Mutation>& all) {
    for (const Mutation& mutation : all) {
        std::printf("%s\n", mutation.what.c_str());
    }
}

}  // namespace

int main(int argc, char** argv) {
    const std::string first = argc > 1 ? argv[1] : "";
    if (first == "list" && argc == 2) {
        print(mutations_on_xen());
        return 0;
    }
    if (first == "list" && argc == 3 && std::string{argv[2]} == "kvm") {
        print(mutations_on_kvm());
        return 0;
    }
    std::vector<Mutation> all = mutations_on_xen();
    const std::vector<Mutation> more = mutations_on_kvm();
    all.insert(all.end(), more.begin(), more.end());
    const auto found = std::find_if(all.begin(), all.end(), [&](const Mutation& mutation) {
        return argc > 2 && mutation.what == first;
    });
    if (found == all.end()) {
        std::fprintf(stderr,
                     "usage: stress-mutants list [kvm], or stress-mutants MUTANT COMMAND...\n");
        return static_cast<int>(stress::ExitCode::usage);
    }
    g_mutation = *found;
    const StepTable table = table_of(g_mutation);
    const std::string name = "stress-mutants '" + g_mutation.what + "'";
    return stress::stress_main(argc - 1, argv + 1,
                               {.name = name.c_str(), .table = &table, .spoil = &spoil});
}
