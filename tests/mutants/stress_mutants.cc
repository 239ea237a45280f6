// stress-mutants list            the mutants of step table and drivers, one a line
// stress-mutants MUTANT COMMAND  resume-stress's commands with that mutant in each guest
//
// Those of single hypercalls are not among them: which call of a kind it is is a matter of one
// plan. Nor are those that change nothing in any kind of cycle (xen_equivalents.cc).
#include <algorithm>
#include <cstdio>
#include <string>

#include "tests/mutants/equivalents.h"
#include "tests/mutants/hooks.h"
#include "tests/mutants/mutation.h"
#include "tests/stress/program/program.h"
#include "tests/stress/program/words.h"

namespace {

using namespace resume;
using namespace resume::mutants;

// One in a process; what a part is made with is no more than guest and machine.
Mutation g_mutation;

bool changes_something(const Mutation& mutation) {
    // Excused where its run is another one, and event for event the unbroken guest's elsewhere.
    if (mutation.what.ends_with("hypercall_page.syscore_resume")) {
        return false;
    }
    Equivalents equivalents{xen_equivalents()};
    for (size_t kind = 0; kind < kCycleKindCount; ++kind) {
        if (equivalents.reason_for(kind, mutation) == nullptr) {
            return true;
        }
    }
    return false;
}

/// By Victim::driver()'s numbers; null for the frontends and others that are not in each guest.
Device* driver_of(XenGuest& guest, size_t index) {
    Device* const drivers[] = {&guest.hypercall_page(), &guest.shared_info(), &guest.callback(),
                               &guest.events(),         &guest.timer(),       &guest.time(),
                               &guest.grants(),         &guest.unplug(),      &guest.console(),
                               &guest.store()};
    return index < std::size(drivers) ? drivers[index] : nullptr;
}

std::vector<Mutation> mutations() {
    Equivalents unused{xen_equivalents()};
    std::vector<Mutation> all = xen_field(model::GuestKind::xen_hvm, unused).all();
    const auto leave_out = [](const Mutation& mutation) {
        constexpr size_t kInEachGuest = 10;
        return mutation.driver >= kInEachGuest || !changes_something(mutation);
    };
    all.erase(std::remove_if(all.begin(), all.end(), leave_out), all.end());
    return all;
}

class Broken final : public stress::GuestPart {
  public:
    explicit Broken(XenGuest& guest) : guest_{guest} {}
    Result<> attach() override {
        if (g_mutation.phase != Phase::none) {
            break_hook(*driver_of(guest_, g_mutation.driver), g_mutation.phase, g_mutation.change);
        }
        return {};
    }
    std::string trouble() override { return {}; }
    void detach() override {}

  private:
    XenGuest& guest_;
};

}  // namespace

int main(int argc, char** argv) {
    const std::vector<Mutation> all = mutations();
    if (argc == 2 && std::string{argv[1]} == "list") {
        for (const Mutation& mutation : all) {
            std::printf("%s\n", mutation.what.c_str());
        }
        return 0;
    }
    const auto found = std::find_if(all.begin(), all.end(), [&](const Mutation& mutation) {
        return argc > 2 && mutation.what == argv[1];
    });
    if (found == all.end()) {
        std::fprintf(stderr, "usage: stress-mutants list, or stress-mutants MUTANT COMMAND...\n");
        return static_cast<int>(stress::ExitCode::usage);
    }
    g_mutation = *found;
    const StepTable table = table_of(g_mutation);
    const std::string name = "stress-mutants '" + g_mutation.what + "'";
    return stress::stress_main(
        argc - 1, argv + 1,
        {.name = name.c_str(),
         .part = [](Machine&, XenGuest& guest) -> std::unique_ptr<stress::GuestPart> {
             return std::make_unique<Broken>(guest);
         },
         .table = &table});
}
