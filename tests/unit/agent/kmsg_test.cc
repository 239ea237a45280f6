#include "agent/observe/kmsg.h"

#include <gtest/gtest.h>

namespace resume::agent {
namespace {

KmsgFacts facts_of(std::initializer_list<const char*> lines) {
    KmsgFacts facts;
    for (const char* line : lines) {
        facts.add(line);
    }
    return facts;
}

TEST(Kmsg, TakesARecordApart) {
    const auto record = parse_kmsg("6,398,4819061,-;PM: suspend entry (deep)\n SUBSYSTEM=x\n");
    ASSERT_TRUE(record);
    EXPECT_EQ(record->sequence, 398u);
    EXPECT_EQ(record->time_us, 4819061);
    EXPECT_EQ(record->text, "PM: suspend entry (deep)");
}

TEST(Kmsg, TakesAHeadWithMoreFields) {
    const auto record = parse_kmsg("6,1,2,-,caller=T1;x");
    ASSERT_TRUE(record);
    EXPECT_EQ(record->text, "x");
}

TEST(Kmsg, DropsWhatIsNoRecord) {
    for (const char* raw : {"", ";", "6,1;x", "6,x,1,-;x", "a,1,y,-;", " SUBSYSTEM=x", "6,1,2"}) {
        EXPECT_FALSE(parse_kmsg(raw)) << raw;
    }
}

TEST(Kmsg, NamesTheTaskThatWouldNotFreeze) {
    const auto facts = facts_of({
        "PM: suspend entry (deep)",
        "Freezing of tasks failed after 2.005 seconds (1 tasks refusing to freeze, wq_busy=0):",
        "task:a writer       state:D stack:0     pid:344   ppid:114    flags:0x00000004",
        "task:other          state:D stack:0     pid:345   ppid:114    flags:0x00000004",
        "PM: suspend exit",
    });
    EXPECT_TRUE(facts.entered);
    EXPECT_TRUE(facts.left);
    EXPECT_TRUE(facts.freeze_failed);
    EXPECT_EQ(facts.sleep_state, "deep");
    EXPECT_EQ(facts.refusing_task, "a writer");
    EXPECT_EQ(facts.refusing_pid, 344);
}

TEST(Kmsg, ATaskLineOutsideAFailedFreezeIsNobody) {
    EXPECT_EQ(facts_of({"task:sh              state:D stack:0     pid:344"}).refusing_task, "");
}

TEST(Kmsg, NamesTheDeviceThatRefused) {
    const auto facts =
        facts_of({"alarmtimer alarmtimer.0.auto: PM: failed to suspend: error -16",
                  "PM: Some devices failed to suspend, or early wake event detected"});
    EXPECT_EQ(facts.refusing_device, "alarmtimer.0.auto");
    EXPECT_EQ(facts.refusing_device_errno, 16);
}

TEST(Kmsg, NamesTheNotifierThatRefused) {
    const auto facts =
        facts_of({"notifier-error-inject: Injecting error (-16) to PM_SUSPEND_PREPARE"});
    EXPECT_EQ(facts.notifier, "PM_SUSPEND_PREPARE");
    EXPECT_EQ(facts.notifier_errno, 16);
}

TEST(Kmsg, TellsAnAbortedFreezeFromAFailedOne) {
    const auto facts = facts_of({"Freezing of tasks aborted after 0.002 seconds"});
    EXPECT_TRUE(facts.freeze_aborted);
    EXPECT_FALSE(facts.freeze_failed);
}

TEST(Kmsg, KeepsTheErrnoOfTheXenPath) {
    EXPECT_EQ(facts_of({"xen:manage: do_suspend: freeze processes failed -16"}).xen_errno, 16);
    EXPECT_EQ(facts_of({"xen:manage: do_suspend: dpm_suspend_start -16"}).xen_errno, 16);
    EXPECT_TRUE(facts_of({"xen:manage: do_suspend: dpm_suspend_start -16"}).xen);
    EXPECT_EQ(facts_of({"xen:manage: dpm_suspend_end failed: -16"}).xen_errno, 16);
    EXPECT_EQ(facts_of({"xen:manage: xen_suspend: system core suspend failed: -16"}).xen_errno, 16);
    EXPECT_EQ(facts_of({"xen:manage: failed to start xen_suspend: -16"}).xen_errno, 16);
}

TEST(Kmsg, SeesANewGeneration) {
    EXPECT_TRUE(facts_of({"random: crng reseeded due to virtual machine fork"}).forked);
    EXPECT_FALSE(facts_of({"random: crng reseeded on system resumption"}).forked);
}

TEST(Kmsg, AnErrnoOutOfRangeIsNone) {
    EXPECT_EQ(facts_of({"x y: PM: failed to suspend: error -999999999999"}).refusing_device_errno,
              0);
}

}  // namespace
}  // namespace resume::agent
