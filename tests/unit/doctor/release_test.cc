#include "agent/doctor/release.h"

#include <gtest/gtest.h>

#include "tests/unit/doctor/fixture_tree.h"

namespace resume::agent::doctor {
namespace {

Kernel kernel(const char* release, const char* os = "", const KernelHints& hints = {}) {
    return identify_kernel(release, parse_os_release(os), hints);
}

TEST(ReleaseTest, EnterpriseLinuxKeepsItsPackageVersionWithoutTheTag) {
    const Kernel rocky = kernel("4.18.0-477.10.1.el8_8.x86_64", "ID=\"rocky\"\n");
    EXPECT_EQ(rocky.vendor, "el8");
    EXPECT_EQ(rocky.package_version, "4.18.0-477.10.1");
    EXPECT_FALSE(rocky.upstream) << "el8 takes fixes without changing 4.18.0";
    EXPECT_TRUE(is_z_stream(rocky));
    EXPECT_FALSE(is_z_stream(kernel("4.18.0-488.el8.x86_64")));
    EXPECT_EQ(kernel("4.18.0-477.10.1.rt7.274.el8_8.x86_64").package_version, "4.18.0-477.10.1");
    EXPECT_EQ(kernel("4.14.35-1844.5.2.el7uek.x86_64").vendor, "el7uek");
}

TEST(ReleaseTest, RebuildsOfUpstreamAreUpstream) {
    EXPECT_EQ(to_string(*kernel("6.1.139-1.el8.elrepo.x86_64", "ID=rocky").upstream), "6.1.139");
    EXPECT_EQ(to_string(*kernel("6.17.4-200.fc42.x86_64", "ID=fedora").upstream), "6.17.4");
    EXPECT_EQ(to_string(*kernel("5.10.245-241.976.amzn2.x86_64", "ID=amzn").upstream), "5.10.245");
    EXPECT_EQ(to_string(*kernel("6.18.44-fc-v669").upstream), "6.18.44");
    EXPECT_EQ(to_string(*kernel("6.18.44-fc-v669", "ID=debian").upstream), "6.18.44")
        << "an own build below a Debian";
    EXPECT_FALSE(kernel("5.14.21-150500.55.44-default", "ID=sles").upstream);
    EXPECT_EQ(to_string(*kernel("6.17-rc3").upstream), "6.17-rc3");
    EXPECT_FALSE(kernel("6.17.0-63.fc43.x86_64", "ID=fedora").upstream) << "may carry later fixes";
}

TEST(ReleaseTest, DebianTellsItsUpstreamVersionElsewhere) {
    const char* debian = "ID=debian\n";
    EXPECT_FALSE(kernel("6.1.0-56-amd64", debian).upstream);
    const Kernel running = kernel(
        "6.1.0-56-amd64", debian,
        {.proc_version = "Linux version 6.1.0-56-amd64 (debian-kernel@lists.debian.org) (gcc-12 "
                         "(Debian 12.2.0-14+deb12u1) 12.2.0) #1 SMP PREEMPT_DYNAMIC Debian "
                         "6.1.192-2 (2026-09-01)"});
    ASSERT_TRUE(running.upstream);
    EXPECT_EQ(to_string(*running.upstream), "6.1.192");
    EXPECT_EQ(to_string(*kernel("6.12.57+deb13-amd64", debian).upstream), "6.12.57");
}

TEST(ReleaseTest, UbuntuTellsItsUpstreamVersionInTheSignature) {
    const Kernel ubuntu = kernel("5.15.0-91-generic", "ID=ubuntu\nID_LIKE=debian\n",
                                 {.version_signature = "Ubuntu 5.15.0-91.101-generic 5.15.131"});
    EXPECT_EQ(to_string(*ubuntu.upstream), "5.15.131");
    EXPECT_FALSE(kernel("5.15.0-91-generic", "ID=ubuntu").upstream);
}

TEST(ReleaseTest, FreeBsdHasPatchLevels) {
    const Kernel eleven = kernel("11.0-RELEASE-p8", "ID=freebsd\n");
    EXPECT_EQ(eleven.system, "freebsd");
    EXPECT_EQ(to_string(*eleven.upstream), "11.0.8");
    EXPECT_EQ(to_string(*kernel("11.0-RELEASE").upstream), "11.0.0");
    EXPECT_FALSE(kernel("11.0-STABLE", "ID=freebsd").upstream);
}

TEST(ReleaseTest, StrangeReleaseStringsAreUnknownAndHarmless) {
    for (const char* strange : {"", "unknown", "...", "-", "6", "el8", "\xff\xfe"}) {
        EXPECT_FALSE(kernel(strange).upstream) << strange;
    }
    EXPECT_LE(kernel(std::string(100000, '9').c_str()).release.size(), 200U);
}

TEST(ReleaseTest, OsReleaseLosesItsQuotesAndItsBadLines) {
    const OsRelease os = parse_os_release("# c\nID=\"rocky\"\nVERSION_ID='8.8'\nnonsense\nA=\n");
    EXPECT_EQ(os.at("ID"), "rocky");
    EXPECT_EQ(os.at("VERSION_ID"), "8.8");
    EXPECT_EQ(os.at("A"), "");
    EXPECT_EQ(os.count("nonsense"), 0U);
}

TEST(ReleaseTest, AnImageHasEachKernelOfItsModules) {
    FixtureTree tree;
    tree.file("/usr/lib/os-release", "ID=debian\n")
        .link("/etc/os-release", "../usr/lib/os-release");
    tree.folder("/lib/modules/6.1.0-13-amd64").folder("/lib/modules/6.1.0-56-amd64");
    tree.file(
        "/var/lib/dpkg/status",
        "Package: bash\nVersion: 5.2-1\n\nPackage: linux-image-6.1.0-13-amd64\nStatus: install "
        "ok installed\nVersion: 6.1.55-1\n\nPackage: zsh\nVersion: 5.9-4\n");
    const auto kernels = kernels_of(tree.image());
    ASSERT_EQ(kernels.size(), 2U);
    EXPECT_EQ(to_string(*kernels[0].upstream), "6.1.55");
    EXPECT_FALSE(kernels[1].upstream);
}

}  // namespace
}  // namespace resume::agent::doctor
