// The table of known-bad kernels: each row at its edges, and the reader's complaints.
#include "agent/doctor/known_bad.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <set>

#include "tests/unit/doctor/fixture_tree.h"

namespace resume::agent::doctor {
namespace {

const KnownBadTable& table() {
    static const KnownBadTable kTable = load_known_bad(RESUME_KNOWN_BAD, "/nonexistent");
    return kTable;
}

const KnownBad* row(const std::string& id) {
    for (const KnownBad& known : table().rows) {
        if (known.id == id) {
            return &known;
        }
    }
    return nullptr;
}

struct Edge {
    const char* id;
    const char* release;
    const char* os;
    Platform platform;
    Exposure exposure;
};

constexpr auto kHvm = Platform::xen_hvm;
constexpr auto kPvh = Platform::xen_pvh;
constexpr auto kPv = Platform::xen_pv;
constexpr auto kKvm = Platform::kvm;
constexpr auto kSafe = Exposure::safe;
constexpr auto kAffected = Exposure::affected;
constexpr auto kUnknown = Exposure::unknown;
constexpr auto kNotJudged = Exposure::not_judged;

// Each row: just before it, its first, its last, just after it, and where it does not apply.
const Edge kEdges[] = {
    {"rhel8-alloc-intr-gate", "4.18.0-425.3.1.el8.x86_64", "ID=rocky", kHvm, kSafe},
    {"rhel8-alloc-intr-gate", "4.18.0-425.19.2.el8_7.x86_64", "ID=rocky", kHvm, kSafe},
    {"rhel8-alloc-intr-gate", "4.18.0-465.el8.x86_64", "ID=centos", kHvm, kSafe},
    {"rhel8-alloc-intr-gate", "4.18.0-466.el8.x86_64", "ID=centos", kHvm, kAffected},
    {"rhel8-alloc-intr-gate", "4.18.0-477.10.1.el8_8.x86_64", "ID=rocky", kHvm, kAffected},
    {"rhel8-alloc-intr-gate", "4.18.0-477.10.1.el8_8.x86_64", "ID=almalinux", kPvh, kAffected},
    {"rhel8-alloc-intr-gate", "4.18.0-477.10.1.el8_8.x86_64", "ID=rocky", kPv, kSafe},
    {"rhel8-alloc-intr-gate", "4.18.0-477.10.1.el8_8.x86_64", "ID=rocky", kKvm, kSafe},
    {"rhel8-alloc-intr-gate", "4.18.0-477.10.1.el8_8.x86_64", "ID=rocky", Platform::unknown,
     kUnknown},
    {"rhel8-alloc-intr-gate", "4.18.0-477.27.1.el8_8.x86_64", "ID=rocky", kHvm, kUnknown},
    {"rhel8-alloc-intr-gate", "4.18.0-487.el8.x86_64", "ID=centos", kHvm, kAffected},
    {"rhel8-alloc-intr-gate", "4.18.0-488.el8.x86_64", "ID=centos", kHvm, kSafe},
    {"rhel8-alloc-intr-gate", "4.18.0-513.5.1.el8_9.x86_64", "ID=rocky", kHvm, kSafe},
    {"rhel8-alloc-intr-gate", "5.14.0-284.11.1.el9_2.x86_64", "ID=rocky", kHvm, kSafe},
    {"rhel8-alloc-intr-gate", "5.4.17-2136.319.1.3.el8uek.x86_64", "ID=ol", kHvm, kSafe},

    {"linux-xen-sched-clock", "4.10.17", "", kPvh, kSafe},
    {"linux-xen-sched-clock", "4.11", "", kPvh, kAffected},
    {"linux-xen-sched-clock", "4.14.96", "", kPv, kAffected},
    {"linux-xen-sched-clock", "4.14.97", "", kPv, kSafe},
    {"linux-xen-sched-clock", "4.18.20", "", kHvm, kAffected},
    {"linux-xen-sched-clock", "4.19.16", "", kHvm, kAffected},
    {"linux-xen-sched-clock", "4.19.17", "", kHvm, kSafe},
    {"linux-xen-sched-clock", "4.20.3", "", kHvm, kAffected},
    {"linux-xen-sched-clock", "4.20.4", "", kHvm, kSafe},
    {"linux-xen-sched-clock", "5.0", "", kHvm, kSafe},
    {"linux-xen-sched-clock", "4.19.16", "", kKvm, kSafe},
    {"linux-xen-sched-clock", "4.18.0-193.el8.x86_64", "ID=centos", kHvm, kNotJudged},

    {"uek5-xen-sched-clock", "4.14.35-1844.5.1.el7uek.x86_64", "ID=ol", kHvm, kAffected},
    {"uek5-xen-sched-clock", "4.14.35-1844.5.2.el7uek.x86_64", "ID=ol", kHvm, kSafe},
    {"uek5-xen-sched-clock", "4.14.35-1902.300.11.el7uek.x86_64", "ID=ol", kHvm, kSafe},
    {"uek5-xen-sched-clock", "4.1.12-124.el7uek.x86_64", "ID=ol", kHvm, kSafe},

    {"linux-xenbus-open-transaction", "4.10", "", kPv, kSafe},
    {"linux-xenbus-open-transaction", "4.19.53", "", kPv, kAffected},
    {"linux-xenbus-open-transaction", "4.19.54", "", kPv, kSafe},
    {"linux-xenbus-open-transaction", "4.14.120", "", kPv, kUnknown},
    {"linux-xenbus-open-transaction", "5.1.12", "", kPv, kAffected},
    {"linux-xenbus-open-transaction", "5.1.13", "", kPv, kSafe},
    {"linux-xenbus-open-transaction", "5.2", "", kPv, kSafe},
    {"linux-xenbus-refused-transaction", "4.19.53", "", kPv, kSafe},
    {"linux-xenbus-refused-transaction", "4.19.54", "", kPv, kAffected},
    {"linux-xenbus-refused-transaction", "5.1.12", "", kPv, kSafe},
    {"linux-xenbus-refused-transaction", "6.1.192", "", kHvm, kAffected},
    {"linux-xenbus-refused-transaction", "6.1.192", "", kKvm, kSafe},
    {"linux-xen-netfront-page-pool", "6.1.84", "", kPvh, kSafe},
    {"linux-xen-netfront-page-pool", "6.1.85", "", kPvh, kAffected},
    {"linux-xen-netfront-page-pool", "6.1.192", "", kHvm, kAffected},
    {"linux-xen-netfront-page-pool", "6.8.4", "", kPv, kSafe},
    {"linux-xen-netfront-page-pool", "6.12", "", kPv, kAffected},
    {"linux-xen-netfront-page-pool", "5.15.153", "", kPvh, kSafe},
    {"linux-xen-netfront-page-pool", "6.1.192", "", kKvm, kSafe},

    {"linux-netfront-null-ring", "2.6.23", "", kPv, kSafe},
    {"linux-netfront-null-ring", "2.6.24", "", kPv, kAffected},
    {"linux-netfront-null-ring", "5.15.82", "", kPv, kAffected},
    {"linux-netfront-null-ring", "5.15.83", "", kPv, kSafe},
    {"linux-netfront-null-ring", "6.0.12", "", kPv, kAffected},
    {"linux-netfront-null-ring", "6.1", "", kPv, kSafe},

    {"linux-netfront-remove", "5.15.82", "", kPvh, kSafe},
    {"linux-netfront-remove", "5.15.83", "", kPvh, kAffected},
    {"linux-netfront-remove", "5.15.174", "", kPvh, kAffected},
    {"linux-netfront-remove", "5.15.175", "", kPvh, kSafe},
    {"linux-netfront-remove", "6.1.120", "", kPvh, kAffected},
    {"linux-netfront-remove", "6.1.121", "", kPvh, kSafe},
    {"linux-netfront-remove", "6.12.5", "", kPvh, kAffected},
    {"linux-netfront-remove", "6.12.6", "", kPvh, kSafe},
    {"linux-netfront-remove", "6.13-rc2", "", kPvh, kUnknown},
    {"linux-netfront-remove", "6.13", "", kPvh, kSafe},

    {"linux-xenbus-request-lifetime", "4.10.1", "", kPvh, kSafe},
    {"linux-xenbus-request-lifetime", "6.1.138", "", kPvh, kAffected},
    {"linux-xenbus-request-lifetime", "6.1.139", "", kPvh, kSafe},
    {"linux-xenbus-request-lifetime", "5.10.200", "", kPvh, kUnknown},
    {"linux-xenbus-request-lifetime", "6.14.6", "", kPvh, kAffected},
    {"linux-xenbus-request-lifetime", "6.15", "", kPvh, kSafe},

    {"linux-pm-async-deadlock", "6.1.75", "", kKvm, kAffected},
    {"linux-pm-async-deadlock", "6.1.76", "", kKvm, kSafe},
    {"linux-pm-async-deadlock", "6.7.2", "", kHvm, kAffected},
    {"linux-pm-async-deadlock", "6.8", "", kHvm, kSafe},

    {"linux-suspend-error-path", "2.6.26", "", kHvm, kSafe},
    {"linux-suspend-error-path", "2.6.27", "", kHvm, kAffected},
    {"linux-suspend-error-path", "6.17.4", "", kHvm, kAffected},
    {"linux-suspend-error-path", "6.18.44", "", kKvm, kSafe},

    {"linux-system-transition-mutex", "6.15.11", "", kPvh, kSafe},
    {"linux-system-transition-mutex", "6.16", "", kPvh, kAffected},
    {"linux-system-transition-mutex", "6.17.3", "", kPvh, kAffected},
    {"linux-system-transition-mutex", "6.17.4", "", kPvh, kSafe},
    {"linux-system-transition-mutex", "6.18", "", kPvh, kSafe},

    {"linux-xen-steal-time", "4.7.10", "", kPv, kSafe},
    {"linux-xen-steal-time", "4.8", "", kPv, kAffected},
    {"linux-xen-steal-time", "4.9.30", "", kPv, kUnknown},
    {"linux-xen-steal-time", "4.10.17", "", kPv, kAffected},
    {"linux-xen-steal-time", "4.11", "", kPv, kSafe},

    {"freebsd-en-17-05-cancel", "10.2-RELEASE-p5", "ID=freebsd", kHvm, kSafe},
    {"freebsd-en-17-05-cancel", "10.3-RELEASE", "ID=freebsd", kHvm, kAffected},
    {"freebsd-en-17-05-cancel", "10.3-RELEASE-p17", "ID=freebsd", kHvm, kAffected},
    {"freebsd-en-17-05-cancel", "10.3-RELEASE-p18", "ID=freebsd", kHvm, kSafe},
    {"freebsd-en-17-05-cancel", "10.4-RELEASE", "ID=freebsd", kHvm, kSafe},
    {"freebsd-en-17-05-cancel", "11.0-RELEASE-p8", "ID=freebsd", kHvm, kAffected},
    {"freebsd-en-17-05-cancel", "11.0-RELEASE-p9", "ID=freebsd", kHvm, kSafe},
    {"freebsd-en-17-05-cancel", "11.0-STABLE", "ID=freebsd", kHvm, kNotJudged},
    {"freebsd-en-17-05-cancel", "10.3", "", kHvm, kSafe},

    {"freebsd-en-17-05-timer", "10.3-RELEASE-p17", "ID=freebsd", kHvm, kSafe},
    {"freebsd-en-17-05-timer", "11.0-RELEASE-p8", "ID=freebsd", kHvm, kAffected},
    {"freebsd-en-17-05-timer", "11.0-RELEASE-p9", "ID=freebsd", kHvm, kSafe},

    {"freebsd-pvh-suspend-stacks", "13.2-RELEASE", "ID=freebsd", kPvh, kAffected},
    {"freebsd-pvh-suspend-stacks", "13.2-RELEASE", "ID=freebsd", kHvm, kSafe},
    {"freebsd-pvh-suspend-stacks", "14.0-RELEASE-p11", "ID=freebsd", kPvh, kAffected},
    {"freebsd-pvh-suspend-stacks", "14.1-RELEASE", "ID=freebsd", kPvh, kUnknown},
    {"freebsd-pvh-suspend-stacks", "15.0-RELEASE", "ID=freebsd", kPvh, kSafe},

    {"netbsd-no-migration", "10.0", "ID=netbsd", kPv, kAffected},
    {"netbsd-no-migration", "10.0", "ID=netbsd", kKvm, kSafe},
    {"openbsd-no-migration", "7.6", "ID=openbsd", kHvm, kAffected},
    {"openbsd-no-migration", "7.6", "", kHvm, kSafe},
};

TEST(KnownBadTest, EachRowHoldsAtItsEdges) {
    for (const Edge& edge : kEdges) {
        const KnownBad* known = row(edge.id);
        ASSERT_NE(known, nullptr) << edge.id;
        const Kernel kernel = identify_kernel(edge.release, parse_os_release(edge.os), {});
        const Judgement judgement = judge(*known, kernel, {.platform = edge.platform});
        EXPECT_EQ(static_cast<int>(judgement.exposure), static_cast<int>(edge.exposure))
            << edge.id << " on " << edge.release << ": " << judgement.reason;
        EXPECT_EQ(judgement.reason.empty(), edge.exposure == Exposure::safe) << edge.release;
    }
}

TEST(KnownBadTest, EachRowHasEdgesInThisTest) {
    std::set<std::string> tested;
    for (const Edge& edge : kEdges) {
        tested.insert(edge.id);
    }
    EXPECT_GE(table().rows.size(), 12U);
    for (const KnownBad& known : table().rows) {
        EXPECT_EQ(tested.count(known.id), 1U) << known.id;
        EXPECT_FALSE(known.sources.empty()) << known.id;
    }
}

TEST(KnownBadTest, EachRowIsTestedOnBothSides) {
    for (const KnownBad& known : table().rows) {
        for (const Exposure side : {kSafe, kAffected}) {
            EXPECT_TRUE(std::any_of(std::begin(kEdges), std::end(kEdges), [&](const Edge& edge) {
                return edge.id == known.id && edge.exposure == side;
            })) << known.id;
        }
    }
}

// The kernel of a row at one of its points, or `back` builds before it.
Kernel kernel_at(const KnownBad& known, const std::string& point, int back) {
    const size_t last = point.find_last_not_of("0123456789") + 1;
    std::string version =
        point.substr(0, last) + std::to_string(std::stoi(point.substr(last)) - back);
    if (!known.vendor.empty()) {
        version += "." + known.vendor + ".x86_64";
    }
    if (known.system == "freebsd") {
        const size_t dash = version.find('-');
        version = version.substr(0, dash) + "-RELEASE" +
                  (dash == std::string::npos ? "" : version.substr(dash));
    }
    const std::string os = known.system == "linux" ? "" : "ID=" + known.system;
    return identify_kernel(version, parse_os_release(os), {});
}

// Whether the build before the point is of the point's own branch.
bool has_build_before(const std::string& point) {
    const size_t last = point.find_last_not_of("0123456789") + 1;
    const auto dots = std::count(point.begin(), point.end(), '.');
    return std::stoi(point.substr(last)) > 0 && (dots > 1 || point.find('-') != std::string::npos);
}

// Beside the edges above, which were written by hand: every point of every row, by itself.
TEST(KnownBadTest, EveryPointOfEveryRowIsAnEdge) {
    size_t edges = 0;
    for (const KnownBad& known : table().rows) {
        const auto exposure = [&](const std::string& point, int back) {
            ++edges;
            return judge(known, kernel_at(known, point, back),
                         {.platform = known.platforms.front(), .vcpus = 64})
                .exposure;
        };
        for (const std::string& point : known.from) {
            EXPECT_EQ(exposure(point, 0), kAffected) << known.id << " from " << point;
            if (has_build_before(point)) {
                EXPECT_EQ(exposure(point, 1), kSafe) << known.id << " before " << point;
            }
        }
        for (const std::string& point : known.fixed) {
            EXPECT_EQ(exposure(point, 0), kSafe) << known.id << " fixed in " << point;
            if (has_build_before(point)) {
                EXPECT_EQ(exposure(point, 1), kAffected) << known.id << " last before " << point;
            }
        }
    }
    EXPECT_GT(edges, 80U);
}

TEST(KnownBadTest, TheTableHasNoErrorsAndEqualsTheBuiltInOne) {
    EXPECT_EQ(table().errors, std::vector<std::string>{});
    std::ifstream file{RESUME_KNOWN_BAD, std::ios::binary};
    const std::string text{std::istreambuf_iterator<char>{file}, {}};
    EXPECT_EQ(text, built_in_known_bad());
}

TEST(KnownBadTest, AChangelogDecidesAboutZStreamKernels) {
    const Kernel kernel = identify_kernel("4.18.0-477.27.1.el8_8.x86_64", {}, {});
    const KnownBad& known = *row("rhel8-alloc-intr-gate");
    const std::string cause = "- x86/idt: Annotate alloc_intr_gate() with __init (V. K.)\n";
    const std::string fix =
        "- x86/xen: Split HVM vector callback setup and interrupt gate "
        "allocation (V. K.) [2187810]\n";
    const auto exposure = [&](const std::string& changelog) {
        return judge(known, kernel, {.platform = kHvm, .changelog = changelog}).exposure;
    };
    EXPECT_EQ(exposure(cause + fix), Exposure::safe);
    EXPECT_EQ(exposure(cause), Exposure::affected);
    EXPECT_EQ(exposure("- something else\n"), Exposure::safe);
    EXPECT_EQ(exposure(""), Exposure::unknown);
}

TEST(KnownBadTest, AChangelogAlsoAcquitsABuildOfTheBadRange) {
    const Kernel kernel = identify_kernel("4.18.0-477.10.1.el8_8.x86_64", {}, {});
    const std::string both =
        "Annotate alloc_intr_gate() with __init\nSplit HVM vector callback "
        "setup and interrupt gate allocation\n";
    EXPECT_EQ(judge(*row("rhel8-alloc-intr-gate"), kernel, {.platform = kHvm, .changelog = both})
                  .exposure,
              Exposure::safe);
}

std::string minimal(const std::string& more) {
    return "[[kernel]]\nid = \"x\"\ntitle = \"t\"\nverdict = \"warning\"\nfrom = [\"1.0\"]\ncause "
           "= "
           "\"c\"\nways_out = []\nsources = [\"s\"]\n" +
           more;
}

TEST(KnownBadTest, AMinimalRowIsAccepted) {
    KnownBadTable made;
    add_known_bad(made, minimal(""), "a.toml");
    EXPECT_EQ(made.errors, std::vector<std::string>{});
    ASSERT_EQ(made.rows.size(), 1U);
    EXPECT_EQ(made.rows[0].platforms.size(), 3U) << "the three of Xen by default";
}

std::string reason_for(const char* id, const char* release) {
    return judge(*row(id), identify_kernel(release, {}, {}), {.platform = kPvh}).reason;
}

TEST(KnownBadTest, TheReasonNamesTheVersionOfTheKernelsOwnBranch) {
    EXPECT_EQ(reason_for("linux-netfront-remove", "6.1.50"),
              "6.1.50 (release string): came in with 6.1, fixed in 6.1.121");
    EXPECT_EQ(
        reason_for("linux-netfront-remove", "4.19.300"),
        "4.19.300 (release string): came in with 4.19.269, not fixed in this branch; fixed in "
        "6.13");
    EXPECT_EQ(reason_for("linux-suspend-error-path", "6.1.50"),
              "6.1.50 (release string): came in with 2.6.27, no fix known");
    EXPECT_EQ(reason_for("rhel8-alloc-intr-gate", "4.18.0-477.10.1.el8_8.x86_64"),
              "4.18.0-477.10.1: came in with 4.18.0-466, fixed in 4.18.0-488");
}

TEST(KnownBadTest, BadRowsAreNamedWithFileAndLine) {
    const std::pair<std::string, const char*> kBad[] = {
        {"[[kernel]]\nid = \"Big\"\n", "\"id\" is not"},
        {"[[kernel]]\nid = \"x\"\n", "needs \"title\""},
        {minimal("colour = \"red\"\n"), "unknown key \"colour\""},
        {minimal("platforms = [\"xen\"]\n"), "not a platform: xen"},
        {minimal("fixed = [\"six\"]\n"), "not a version: six"},
        {minimal("fixed = 6\n"), "\"fixed\" is not an array"},
        {minimal("fixed = [6]\n"), "\"fixed\" is not an array"},
        {minimal("vendor = \"el8\"\nfixed = [\"1\", \"2\"]\n"), "a vendor row"},
        {"[kernel]\n", "only [[kernel]]"},
        {"[[rows]]\nid = \"x\"\n", "only [[kernel]]"},
        {"[[kernel]\n", "a.toml:1: "},
    };
    for (const auto& [text, wrong] : kBad) {
        KnownBadTable made;
        add_known_bad(made, text, "a.toml");
        EXPECT_TRUE(made.rows.empty()) << text;
        ASSERT_EQ(made.errors.size(), 1U) << text;
        EXPECT_EQ(made.errors[0].rfind("a.toml:1: ", 0), 0U) << made.errors[0];
        EXPECT_NE(made.errors[0].find(wrong), std::string::npos) << made.errors[0];
    }
}

TEST(KnownBadTest, TheDirectoryAddsRowsAndReplacesThem) {
    FixtureTree tree;
    tree.file("/d/10-more.toml", minimal(""));
    tree.file("/d/20-again.toml",
              "[[kernel]]\nid = \"x\"\ntitle = \"later\"\nverdict = "
              "\"note\"\nfrom = [\"2.0\"]\ncause = \"c\"\nways_out = []\nsources "
              "= [\"s\"]\n");
    tree.file("/d/ignored.txt", "no toml");
    const KnownBadTable made = load_known_bad(RESUME_KNOWN_BAD, tree.at("/d"));
    EXPECT_EQ(made.rows.size(), table().rows.size() + 1);
    EXPECT_EQ(made.rows.back().title, "later");
    EXPECT_TRUE(made.errors.empty());
}

TEST(KnownBadTest, WithoutTheFileTheBuiltInTableIsUsed) {
    EXPECT_EQ(load_known_bad("/nonexistent", "/nonexistent").rows.size(), table().rows.size());
}

TEST(KnownBadTest, AMinimumOfVcpusIsHonoured) {
    KnownBadTable made;
    add_known_bad(made, minimal("min_vcpus = 33\n"), "a.toml");
    const Kernel kernel = identify_kernel("1.5", {}, {});
    const auto exposure = [&](unsigned vcpus) {
        return judge(made.rows.at(0), kernel, {.platform = kHvm, .vcpus = vcpus}).exposure;
    };
    EXPECT_EQ(exposure(32), Exposure::safe);
    EXPECT_EQ(exposure(33), Exposure::affected);
    EXPECT_EQ(exposure(0), Exposure::unknown);
}

}  // namespace
}  // namespace resume::agent::doctor
