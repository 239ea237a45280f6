// The doctor as a whole: verdicts and exit codes of kernels that do not run here, and of machines
// made of files.
#include "agent/doctor/doctor.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "tests/unit/doctor/fixture_tree.h"

namespace resume::agent::doctor {
namespace {

Diagnosis of_kernel(const char* release, const char* os, Platform platform,
                    const char* changelog = "") {
    Request request;
    request.kernel = release;
    request.os_release = os;
    request.platform = platform;
    request.changelog = changelog;
    request.table = RESUME_KNOWN_BAD;
    request.table_more = "/nonexistent";
    return diagnose(request);
}

const char* kRocky88 = "NAME=\"Rocky Linux\"\nID=\"rocky\"\nVERSION_ID=\"8.8\"\n";

TEST(DoctorTest, Rocky88OnXenIsUnsafeWithCauseFixAndWaysOut) {
    const Diagnosis diagnosis =
        of_kernel("4.18.0-477.10.1.el8_8.x86_64", kRocky88, Platform::xen_hvm);
    EXPECT_EQ(exit_code(diagnosis.verdict), 2);
    EXPECT_EQ(verdict_node(diagnosis.findings), "unsafe rhel8-alloc-intr-gate");
    const std::string text = to_text(diagnosis);
    EXPECT_NE(text.find("alloc_intr_gate() became boot-only code"), std::string::npos) << text;
    EXPECT_NE(text.find("4.18.0-488"), std::string::npos);
    EXPECT_NE(text.find("boot the kernel of 8.7"), std::string::npos);
    EXPECT_NE(text.find("xcp-ng.org"), std::string::npos);
}

TEST(DoctorTest, TheKernelsAroundItAreSafe) {
    EXPECT_EQ(exit_code(of_kernel("4.18.0-488.el8.x86_64", "ID=centos", Platform::xen_hvm).verdict),
              0);
    EXPECT_EQ(
        exit_code(of_kernel("4.18.0-425.3.1.el8.x86_64", kRocky88, Platform::xen_hvm).verdict), 0);
}

TEST(DoctorTest, AZStreamKernelThatMayCarryTheFixIsUnknownNotUnsafe) {
    const char* release = "4.18.0-477.27.1.el8_8.x86_64";
    EXPECT_EQ(exit_code(of_kernel(release, kRocky88, Platform::xen_hvm).verdict), 3);
    EXPECT_EQ(exit_code(of_kernel(release, kRocky88, Platform::xen_hvm,
                                  "Annotate alloc_intr_gate() with __init\nSplit HVM vector "
                                  "callback setup and interrupt gate allocation\n")
                            .verdict),
              0);
}

TEST(DoctorTest, OnKvmTheSameKernelIsSafe) {
    EXPECT_EQ(exit_code(of_kernel("4.18.0-477.10.1.el8_8.x86_64", kRocky88, Platform::kvm).verdict),
              0);
}

TEST(DoctorTest, WithoutAPlatformABadKernelIsUnknown) {
    Request request;
    request.kernel = "4.18.0-477.10.1.el8_8.x86_64";
    request.os_release = kRocky88;
    request.table = RESUME_KNOWN_BAD;
    EXPECT_EQ(exit_code(diagnose(request).verdict), 3);
}

TEST(DoctorTest, AnImageIsJudgedByItsKernels) {
    FixtureTree tree;
    tree.file("/etc/os-release", kRocky88)
        .folder("/lib/modules/4.18.0-477.10.1.el8_8.x86_64")
        .folder("/lib/modules/4.18.0-425.3.1.el8.x86_64");
    Request request;
    request.root = tree.image();
    request.platform = Platform::xen_pvh;
    request.table = RESUME_KNOWN_BAD;
    const Diagnosis diagnosis = diagnose(request);
    EXPECT_EQ(diagnosis.kernels.size(), 2U);
    EXPECT_EQ(verdict_node(diagnosis.findings), "unsafe rhel8-alloc-intr-gate");
}

TEST(DoctorTest, AnEmptyImageIsUnknown) {
    FixtureTree tree;
    Request request;
    request.root = tree.image();
    request.platform = Platform::xen_pvh;
    request.table = RESUME_KNOWN_BAD;
    EXPECT_EQ(exit_code(diagnose(request).verdict), 3);
}

TEST(DoctorTest, ABadFileOfTheTableIsSaidAndTheRestIsUsed) {
    FixtureTree tree;
    tree.file("/d/mine.toml", "[[kernel]]\nid = \"x\"\n");
    Request request;
    request.kernel = "4.18.0-477.10.1.el8_8.x86_64";
    request.platform = Platform::xen_hvm;
    request.table = RESUME_KNOWN_BAD;
    request.table_more = tree.at("/d");
    const Diagnosis diagnosis = diagnose(request);
    EXPECT_EQ(verdict_node(diagnosis.findings), "unsafe rhel8-alloc-intr-gate known-bad-table");
    EXPECT_NE(to_text(diagnosis).find("mine.toml:1: row \"x\" needs \"title\""), std::string::npos);
}

TEST(DoctorTest, JsonIsOneLineAndCarriesTheWholeVerdict) {
    const auto text =
        to_json(of_kernel("4.18.0-477.10.1.el8_8.x86_64", kRocky88, Platform::xen_hvm));
    EXPECT_EQ(text.find('\n'), std::string::npos);
    const auto json = nlohmann::json::parse(text);
    EXPECT_EQ(json["schema"], "doctor-1");
    EXPECT_EQ(json["verdict"], "unsafe");
    EXPECT_EQ(json["platform"], "xen-hvm");
    EXPECT_EQ(json["kernels"][0]["release"], "4.18.0-477.10.1.el8_8.x86_64");
    for (const auto& check : json["checks"]) {
        EXPECT_FALSE(check["id"].get<std::string>().empty());
        EXPECT_FALSE(check["evidence"].get<std::string>().empty()) << check["id"];
    }
}

TEST(DoctorTest, JsonSurvivesBytesThatAreNoText) {
    Diagnosis diagnosis;
    diagnosis.findings.push_back(fine("fuse", "mounted: /mnt/\xff\xfe"));
    EXPECT_TRUE(nlohmann::json::accept(to_json(diagnosis)));
}

}  // namespace
}  // namespace resume::agent::doctor
