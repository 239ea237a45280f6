// Each check on machines made of files.
#include "agent/doctor/checks.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "tests/unit/doctor/fixture_tree.h"

namespace resume::agent::doctor {
namespace {

Context on(const FixtureTree& tree, Platform platform) {
    Context context;
    context.root = tree.live();
    context.platform.platform = platform;
    return context;
}

Finding only(Check check, const Context& context) {
    std::vector<Finding> findings;
    check(context, findings);
    EXPECT_EQ(findings.size(), 1U);
    return findings.empty() ? Finding{} : findings.front();
}

constexpr const char* kClock = "/sys/devices/system/clocksource/clocksource0/";

FixtureTree& with_clock(FixtureTree& tree, const char* current, const char* available) {
    return tree.file(std::string{kClock} + "current_clocksource", current)
        .file(std::string{kClock} + "available_clocksource", available);
}

TEST(ClocksourceTest, XensOwnClockIsFine) {
    FixtureTree tree;
    with_clock(tree, "xen\n", "xen tsc \n");
    EXPECT_EQ(only(check_clocksource, on(tree, Platform::xen_pvh)).verdict, Verdict::ok);
}

TEST(ClocksourceTest, TheBareTscOnXenIsAWarningUnlessXenEmulatesIt) {
    FixtureTree tree;
    with_clock(tree, "tsc\n", "tsc xen \n");
    Context context = on(tree, Platform::xen_pvh);
    EXPECT_EQ(only(check_clocksource, context).verdict, Verdict::warning);
    context.platform.hypervisor_base = 0x40000000;
    context.cpuid = [](uint32_t leaf, uint32_t) {
        return CpuidLeaf{.eax = leaf == 0x40000003 ? 1U : 0U, .ebx = 0, .ecx = 0, .edx = 0};
    };
    EXPECT_EQ(only(check_clocksource, context).verdict, Verdict::ok);
    EXPECT_EQ(only(check_clocksource, on(tree, Platform::kvm)).verdict, Verdict::ok);
}

TEST(ClocksourceTest, AFallbackBesideAParavirtualClockIsAWarning) {
    FixtureTree tree;
    with_clock(tree, "hpet\n", "kvm-clock hpet acpi_pm \n");
    EXPECT_EQ(only(check_clocksource, on(tree, Platform::kvm)).verdict, Verdict::warning);
    FixtureTree bare;
    with_clock(bare, "hpet\n", "hpet acpi_pm \n");
    EXPECT_EQ(only(check_clocksource, on(bare, Platform::bare)).verdict, Verdict::ok);
}

TEST(FreezeBudgetTest, AFreezeLongerThanTheHostWaitsIsAWarningOnXen) {
    FixtureTree tree;
    tree.file("/sys/power/pm_freeze_timeout", "59999\n");
    EXPECT_EQ(only(check_freeze_budget, on(tree, Platform::xen_hvm)).verdict, Verdict::ok);
    tree.file("/sys/power/pm_freeze_timeout", "60000\n");
    EXPECT_EQ(only(check_freeze_budget, on(tree, Platform::xen_hvm)).verdict, Verdict::warning);
    EXPECT_EQ(only(check_freeze_budget, on(tree, Platform::kvm)).verdict, Verdict::ok);
}

TEST(PmTestTest, ALevelThatWasLeftSetIsAWarning) {
    FixtureTree tree;
    EXPECT_EQ(only(check_pm_test, on(tree, Platform::kvm)).verdict, Verdict::ok);
    tree.file("/sys/power/pm_test", "[none] core processors platform devices freezer\n");
    EXPECT_EQ(only(check_pm_test, on(tree, Platform::kvm)).verdict, Verdict::ok);
    tree.file("/sys/power/pm_test", "none core processors platform [devices] freezer\n");
    EXPECT_EQ(only(check_pm_test, on(tree, Platform::kvm)).verdict, Verdict::warning);
}

TEST(FrontendsTest, AFrontendThatIsNotConnectedIsAWarning) {
    FixtureTree tree;
    tree.file("/sys/bus/xen/devices/vbd-51712/state", "Connected\n");
    EXPECT_EQ(only(check_frontends, on(tree, Platform::xen_pv)).verdict, Verdict::ok);
    tree.file("/sys/bus/xen/devices/vif-0/state", "Initialised\n");
    const Finding finding = only(check_frontends, on(tree, Platform::xen_pv));
    EXPECT_EQ(finding.verdict, Verdict::warning);
    EXPECT_NE(finding.evidence.find("vif-0 is Initialised"), std::string::npos);
}

std::string disk_stat(int reads, int in_flight) {
    return std::to_string(reads) + " 0 8 1 5 0 8 1 " + std::to_string(in_flight) + " 2 3\n";
}

FixtureTree& with_disk(FixtureTree& tree, const char* name, int reads, int in_flight) {
    const std::string base = std::string{"/sys/block/"} + name;
    return tree.folder(base + "/device")
        .file(base + "/stat", disk_stat(reads, in_flight))
        .file(base + "/inflight", "0 " + std::to_string(in_flight) + "\n");
}

TEST(DisksTest, RequestsThatDoNotFinishAreAWarning) {
    FixtureTree tree;
    with_disk(tree, "xvda", 100, 3);
    Context context = on(tree, Platform::xen_pvh);
    context.settle = [] {};
    std::vector<Finding> findings;
    check_disks_and_tasks(context, findings);
    EXPECT_EQ(findings.at(0).id, "disks");
    EXPECT_EQ(findings.at(0).verdict, Verdict::warning);
    EXPECT_NE(findings.at(0).evidence.find("xvda (3 in flight)"), std::string::npos);
}

TEST(DisksTest, ABusyDiskThatMovesIsFine) {
    FixtureTree tree;
    with_disk(tree, "xvda", 100, 3);
    Context context = on(tree, Platform::xen_pvh);
    context.settle = [&] { with_disk(tree, "xvda", 101, 3); };
    std::vector<Finding> findings;
    check_disks_and_tasks(context, findings);
    EXPECT_EQ(worst(findings), Verdict::ok);
}

FixtureTree& with_task(FixtureTree& tree, int pid, const char* name, char state,
                       const char* channel, int switches) {
    const std::string base = "/proc/" + std::to_string(pid);
    const std::string task = base + "/task/" + std::to_string(pid);
    for (const std::string& place : {base, task}) {
        tree.file(place + "/comm", std::string{name} + "\n");
    }
    return tree.file(base + "/cmdline", name)
        .file(task + "/stat", std::to_string(pid) + " (" + name + ") " + state + " 1 1\n")
        .file(task + "/wchan", channel)
        .file(task + "/status", "voluntary_ctxt_switches:\t" + std::to_string(switches) + "\n");
}

TEST(TasksTest, AWriterOnAFrozenFileSystemIsNamed) {
    FixtureTree tree;
    with_task(tree, 77, "evil) D (name", 'D', "percpu_rwsem_wait", 5);
    Context context = on(tree, Platform::xen_pvh);
    context.settle = [] {};
    std::vector<Finding> findings;
    check_disks_and_tasks(context, findings);
    ASSERT_EQ(findings.size(), 2U);
    EXPECT_EQ(findings[1].id, "frozen-fs");
    EXPECT_NE(findings[1].evidence.find("evil) D (name (pid 77)"), std::string::npos);
}

TEST(TasksTest, ATaskStuckElsewhereIsNamedAndOneThatMovesIsNot) {
    FixtureTree tree;
    with_task(tree, 77, "dd", 'D', "io_schedule", 5);
    with_task(tree, 78, "busy", 'D', "io_schedule", 5);
    with_task(tree, 79, "sleeper", 'S', "do_nanosleep", 5);
    Context context = on(tree, Platform::kvm);
    context.settle = [&] { with_task(tree, 78, "busy", 'D', "io_schedule", 6); };
    std::vector<Finding> findings;
    check_disks_and_tasks(context, findings);
    EXPECT_EQ(findings.at(1).id, "tasks-stuck");
    EXPECT_EQ(findings.at(1).verdict, Verdict::warning);
    EXPECT_NE(findings.at(1).evidence.find("dd (pid 77) in io_schedule"), std::string::npos);
    EXPECT_EQ(findings.at(1).evidence.find("busy"), std::string::npos);
}

constexpr const char* kVhci = "/sys/bus/platform/drivers/vhci_hcd/vhci_hcd.0/status";
constexpr const char* kVhciHead = "hub port sta spd dev      sockfd local_busid\n";

TEST(DriversTest, UsbIpWithAConnectionIsUnsafeOnXen) {
    FixtureTree tree;
    EXPECT_EQ(only(check_drivers, on(tree, Platform::xen_pvh)).verdict, Verdict::ok);
    tree.file(kVhci, std::string{kVhciHead} + "hs  0000 004 000 00000000 000000 0-0\n");
    EXPECT_EQ(only(check_drivers, on(tree, Platform::xen_pvh)).verdict, Verdict::ok);
    tree.file(kVhci, std::string{kVhciHead} + "hs  0000 006 002 00010002 000003 1-1\n");
    const Finding finding = only(check_drivers, on(tree, Platform::xen_pvh));
    EXPECT_EQ(finding.verdict, Verdict::unsafe);
    EXPECT_TRUE(finding.present);
    EXPECT_EQ(only(check_drivers, on(tree, Platform::kvm)).verdict, Verdict::warning);
}

TEST(FuseTest, MountsAreNamedAndTheControlMountIsNot) {
    FixtureTree tree;
    tree.file("/proc/self/mountinfo",
              "22 1 0:20 / / rw - ext4 /dev/xvda rw\n"
              "23 22 0:21 / /sys/fs/fuse/connections rw - fusectl fusectl rw\n");
    EXPECT_EQ(only(check_fuse, on(tree, Platform::kvm)).verdict, Verdict::ok);
    tree.file(
        "/proc/self/mountinfo",
        "24 22 0:22 / /mnt/s3 rw shared:1 - fuse.s3ql s3ql rw\nbroken line\n25 22 0:1 / /x -\n");
    const Finding finding = only(check_fuse, on(tree, Platform::kvm));
    EXPECT_EQ(finding.verdict, Verdict::warning);
    EXPECT_NE(finding.evidence.find("/mnt/s3 (fuse.s3ql)"), std::string::npos);
}

TEST(DevicePathTest, AVanishedSymlinkInTheProcesssOwnNamespaceIsUnsafe) {
    FixtureTree tree;
    const std::string arguments = std::string{
        "qemu-kvm\0-drive\0file=/var/lib/one/0/1/disk.0,format=raw\0-blockdev\0"
        "{\"filename\":\"/dev/storpool/b\",\"node\":\"x\"}\0",
        108};
    tree.file("/proc/77/cmdline", arguments).folder("/proc/77/fd");
    tree.link("/proc/77/root/var/lib/one/0/1/disk.0", "/dev/storpool-byid/abc");
    tree.file("/proc/77/root/dev/sp-0", "").link("/proc/77/root/dev/storpool/b", "../sp-0");
    tree.link("/proc/77/fd/3", "/dev/sp-0").link("/proc/77/fd/4", "/dev/shm/x (deleted)");
    Context context = on(tree, Platform::bare);
    context.pid = 77;
    const Finding finding = only(check_device_paths, context);
    EXPECT_EQ(finding.verdict, Verdict::unsafe);
    EXPECT_NE(finding.evidence.find("/var/lib/one/0/1/disk.0 (a link to /dev/storpool-byid/abc)"),
              std::string::npos)
        << finding.evidence;
    EXPECT_EQ(finding.evidence.find("/dev/storpool/b"), std::string::npos);
    tree.file("/proc/77/root/dev/storpool-byid/abc", "");
    EXPECT_EQ(only(check_device_paths, context).verdict, Verdict::ok);
}

TEST(DevicePathTest, PathsInScriptsAreNoDisks) {
    FixtureTree tree;
    tree.file("/proc/77/cmdline", std::string{"bash\0-c\0cat /dev/gone\0/dev/fd/3\0", 30});
    tree.folder("/proc/77/root/dev");
    Context context = on(tree, Platform::bare);
    context.pid = 77;
    EXPECT_EQ(only(check_device_paths, context).verdict, Verdict::ok);
}

TEST(DevicePathTest, ADeviceThatIsGoneUnderAnOpenDescriptorIsUnsafe) {
    FixtureTree tree;
    tree.file("/proc/77/cmdline", "x").folder("/proc/77/root/dev");
    tree.link("/proc/77/fd/3", "/dev/sp-7 (deleted)");
    Context context = on(tree, Platform::bare);
    context.pid = 77;
    EXPECT_EQ(only(check_device_paths, context).verdict, Verdict::unsafe);
    context.pid = 78;
    EXPECT_EQ(only(check_device_paths, context).verdict, Verdict::unknown);
}

TEST(PoisonTest, TheMapIsReadOnlyWhenTheCounterIsNotZero) {
    FixtureTree tree;
    tree.file("/proc/meminfo", "HardwareCorrupted:     0 kB\n");
    EXPECT_EQ(only(check_poison, on(tree, Platform::kvm)).verdict, Verdict::ok);
    tree.file("/proc/meminfo", "HardwareCorrupted:     4 kB\n");
    uint64_t flags[4] = {0, 0, uint64_t{1} << 19, 0};
    tree.file("/proc/kpageflags", {reinterpret_cast<const char*>(flags), sizeof flags});
    const Finding finding = only(check_poison, on(tree, Platform::kvm));
    EXPECT_EQ(finding.verdict, Verdict::warning);
    EXPECT_NE(finding.evidence.find("1 page: 0x2000"), std::string::npos) << finding.evidence;
}

TEST(VmgenidTest, ADeviceWithoutADriverIsAWarning) {
    FixtureTree tree;
    EXPECT_EQ(only(check_vmgenid, on(tree, Platform::kvm)).verdict, Verdict::ok);
    tree.file("/sys/bus/acpi/devices/QEMUVGID:00/modalias", "acpi:QEMUVGID:VM_GEN_COUNTER:\n");
    EXPECT_EQ(only(check_vmgenid, on(tree, Platform::kvm)).verdict, Verdict::warning);
    tree.folder("/sys/bus/acpi/drivers/vmgenid");
    EXPECT_EQ(only(check_vmgenid, on(tree, Platform::kvm)).verdict, Verdict::ok);
}

TEST(AgentsTest, XeDaemonWithARaisedTimeOutIsAWarning) {
    FixtureTree tree;
    tree.file("/proc/50/comm", "xe-daemon\n").file("/sys/power/pm_freeze_timeout", "20000\n");
    EXPECT_EQ(only(check_agents, on(tree, Platform::xen_hvm)).verdict, Verdict::ok);
    tree.file("/sys/power/pm_freeze_timeout", "300000\n");
    EXPECT_EQ(only(check_agents, on(tree, Platform::xen_hvm)).verdict, Verdict::warning);
}

TEST(XenbusHoldersTest, AHolderIsNamedAndRaisesTheRowOfItsKernel) {
    FixtureTree tree;
    tree.file("/proc/50/comm", "xe-daemon\n").file("/proc/50/cmdline", "xe-daemon");
    tree.link("/proc/50/fd/5", "/dev/xen/xenbus");
    Context context = on(tree, Platform::xen_pv);
    const Finding finding = only(check_xenbus_holders, context);
    EXPECT_EQ(finding.verdict, Verdict::ok);
    EXPECT_NE(finding.evidence.find("xe-daemon (pid 50)"), std::string::npos);

    context.table = load_known_bad(RESUME_KNOWN_BAD, "/nonexistent");
    context.kernels = {identify_kernel("4.19.53", {}, {})};
    std::vector<Finding> findings{finding};
    check_known_bad(context, findings);
    EXPECT_EQ(verdict_node(findings),
              "warning linux-xenbus-open-transaction linux-netfront-null-ring");
    context.kernels = {identify_kernel("4.19.54", {}, {})};
    findings = {finding};
    check_known_bad(context, findings);
    EXPECT_EQ(verdict_node(findings), "warning linux-netfront-null-ring");
}

TEST(XenbusHoldersTest, OurOwnAgentOpensNoTransaction) {
    FixtureTree tree;
    tree.file("/proc/50/comm", "resume-agent\n").file("/proc/50/cmdline", "resume-agent");
    tree.link("/proc/50/fd/5", "/dev/xen/xenbus");
    EXPECT_FALSE(only(check_xenbus_holders, on(tree, Platform::xen_pv)).present);
}

TEST(XenbusHoldersTest, DescriptorsThatCannotBeReadCountOnlyWhereARowAsksForThem) {
    FixtureTree tree;
    tree.file("/proc/50/comm", "init\n").file("/proc/50/cmdline", "init");
    Context context = on(tree, Platform::xen_pv);
    const Finding finding = only(check_xenbus_holders, context);
    EXPECT_EQ(finding.verdict, Verdict::ok);
    context.table = load_known_bad(RESUME_KNOWN_BAD, "/nonexistent");
    context.kernels = {identify_kernel("5.1.12", {}, {})};
    std::vector<Finding> findings{finding};
    check_known_bad(context, findings);
    EXPECT_EQ(verdict_node(findings),
              "warning linux-netfront-null-ring linux-xenbus-open-transaction");
    EXPECT_EQ(std::count_if(findings.begin(), findings.end(),
                            [](const Finding& other) { return other.verdict == Verdict::unknown; }),
              1);
    context.kernels = {identify_kernel("6.12.80", {}, {})};
    findings = {finding};
    check_known_bad(context, findings);
    EXPECT_EQ(verdict_node(findings), "safe");
}

TEST(KnownBadRaiseTest, ARefusingDriverMakesTheErrorPathUnsafe) {
    FixtureTree tree;
    tree.file(kVhci, std::string{kVhciHead} + "hs  0000 006 002 00010002 000003 1-1\n");
    Context context = on(tree, Platform::xen_pvh);
    context.table = load_known_bad(RESUME_KNOWN_BAD, "/nonexistent");
    context.kernels = {identify_kernel("6.18.44", {}, {})};
    std::vector<Finding> findings;
    check_known_bad(context, findings);
    EXPECT_EQ(verdict_node(findings), "safe") << "a note as long as nothing refuses";
    findings.clear();
    check_drivers(context, findings);
    check_known_bad(context, findings);
    EXPECT_EQ(verdict_node(findings), "unsafe drivers-refuse linux-suspend-error-path");
}

TEST(FeaturesTest, TheFeatureNodeIsReadWhereThereIsAStore) {
    FixtureTree tree;
    Context context = on(tree, Platform::xen_pv);
    std::vector<Finding> findings;
    check_features(context, findings);
    EXPECT_TRUE(findings.empty());
    context.store = [](std::string_view path) {
        return path == "control/feature-suspend" ? std::optional<std::string>{"1"} : std::nullopt;
    };
    EXPECT_NE(only(check_features, context).evidence.find("is 1"), std::string::npos);
}

TEST(AllChecksTest, RunOnAnEmptyMachineWithoutAnAlarm) {
    FixtureTree tree;
    Context context = on(tree, Platform::bare);
    context.kernels = {identify_kernel("6.18.44", {}, {})};
    for (const Finding& finding : examine(context)) {
        EXPECT_TRUE(finding.verdict == Verdict::ok || finding.id == "clocksource") << finding.id;
    }
}

}  // namespace
}  // namespace resume::agent::doctor
