#include <gtest/gtest.h>

#include "tests/stress/guest/modelled_guest.h"

namespace resume::stress {
namespace {

TEST(Smoke, Cycles) {
    ModelledGuest guest{{}};
    auto up = guest.boot();
    ASSERT_EQ(up.end, model::GuestEnd::returned) << up.reason;
    for (auto act : {model::HostAct::checkpoint, model::HostAct::save_restore, model::HostAct::slow,
                     model::HostAct::in_place, model::HostAct::migrate_fails_late}) {
        const Cycle cycle = guest.cycle(act);
        std::printf("%s: %s %s\n", name_of(act), name_of(cycle.run.end), cycle.run.reason.c_str());
        if (cycle.result) {
            std::printf("   %s cause %s dev %u detail %d stopped %s ev %s up-errors %u\n", name_of(cycle.result->outcome),
                        name_of(cycle.result->cause.code), cycle.result->cause.device, cycle.result->cause.detail,
                        name_of(cycle.result->stopped_at), name_of(cycle.result->evidence), cycle.result->errors_up);
        }
        if (cycle.errand) std::printf("   host: %d %s\n", cycle.errand->succeeded, cycle.errand->message.c_str());
        if (!cycle.alive()) break;
    }
    const auto verdict = guest.verdict();
    std::printf("inconclusive: %s\n", verdict.inconclusive.c_str());
    for (const auto& v : verdict.violations) std::printf("  %s cycle %u: %s %s\n", v.id.c_str(), v.cycle, v.detail.c_str(), v.device.c_str());
}

}  // namespace
}  // namespace resume::stress
