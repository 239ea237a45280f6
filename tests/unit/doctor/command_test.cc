// The command line: what is printed where, and the exit codes.
#include "agent/doctor/command.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <sstream>

#include <CLI/CLI.hpp>

#include <nlohmann/json.hpp>

#include "tests/unit/doctor/fixture_tree.h"

namespace resume::agent::doctor {
namespace {

struct Ran {
    int code = -1;
    std::string out;
    std::string err;
};

Ran resumectl(std::vector<std::string> arguments) {
    Ran run;
    std::ostringstream out;
    std::ostringstream err;
    CLI::App app{"resumectl"};
    app.require_subcommand(1);
    add_doctor_command(app, out, err, run.code);
    add_inventory_command(app, out, err, run.code);
    std::reverse(arguments.begin(), arguments.end());
    try {
        app.parse(arguments);
    } catch (const CLI::ParseError&) {
        run.code = 64;
    }
    run.out = out.str();
    run.err = err.str();
    return run;
}

std::vector<std::string> of_kernel(const char* release, const char* platform) {
    return {"doctor", "--known-bad", RESUME_KNOWN_BAD, "--kernel", release, "--platform", platform};
}

TEST(CommandTest, TheExitCodesOfTheKernelsOfTheReport) {
    EXPECT_EQ(resumectl(of_kernel("4.18.0-477.10.1.el8_8.x86_64", "xen-hvm")).code, 2);
    EXPECT_EQ(resumectl(of_kernel("4.18.0-477.27.1.el8_8.x86_64", "xen-hvm")).code, 3);
    EXPECT_EQ(resumectl(of_kernel("4.18.0-488.el8.x86_64", "xen-hvm")).code, 0);
    EXPECT_EQ(resumectl(of_kernel("4.18.0-425.3.1.el8.x86_64", "xen-hvm")).code, 0);
    EXPECT_EQ(resumectl(of_kernel("4.18.0-477.10.1.el8_8.x86_64", "kvm")).code, 0);
}

TEST(CommandTest, FailOnForgives) {
    auto arguments = of_kernel("6.1.120", "xen-pvh");
    EXPECT_EQ(resumectl(arguments).code, 1);
    arguments.insert(arguments.end(), {"--fail-on", "unsafe"});
    EXPECT_EQ(resumectl(arguments).code, 0);
    arguments.back() = "warning";
    EXPECT_EQ(resumectl(arguments).code, 1);
    arguments.back() = "never";
    EXPECT_EQ(resumectl(arguments).code, 64);
}

TEST(CommandTest, JsonIsOneLine) {
    auto arguments = of_kernel("4.18.0-477.10.1.el8_8.x86_64", "xen-hvm");
    arguments.emplace_back("--json");
    const Ran run = resumectl(arguments);
    EXPECT_EQ(std::count(run.out.begin(), run.out.end(), '\n'), 1);
    EXPECT_EQ(nlohmann::json::parse(run.out)["node"], "unsafe rhel8-alloc-intr-gate");
}

TEST(CommandTest, FilesThatCannotBeReadAreNamed) {
    auto arguments = of_kernel("6.1.120", "kvm");
    arguments.insert(arguments.end(), {"--os-release", "/nonexistent/os-release"});
    const Ran run = resumectl(arguments);
    EXPECT_EQ(run.code, 66);
    EXPECT_EQ(run.err, "/nonexistent/os-release: cannot be read\n");
    EXPECT_EQ(resumectl({"doctor", "--root", "/nonexistent"}).code, 66);
    EXPECT_EQ(resumectl({"doctor", "--known-bad", "/nonexistent"}).code, 66);
    EXPECT_EQ(resumectl({"inventory", "diff", "/nonexistent", "/nonexistent"}).code, 66);
}

TEST(CommandTest, AChangelogFileDecides) {
    FixtureTree tree;
    tree.file("/log",
              "- Annotate alloc_intr_gate() with __init\n- Split HVM vector callback setup "
              "and interrupt gate allocation\n");
    auto arguments = of_kernel("4.18.0-477.27.1.el8_8.x86_64", "xen-hvm");
    arguments.insert(arguments.end(), {"--changelog", tree.at("/log").string()});
    EXPECT_EQ(resumectl(arguments).code, 0);
}

TEST(CommandTest, APidIsOfThisSystem) {
    EXPECT_EQ(resumectl({"doctor", "--pid", "1", "--kernel", "6.1"}).code, 64);
    EXPECT_EQ(resumectl({"doctor", "--pid", "0"}).code, 64);
    EXPECT_EQ(resumectl({"doctor", "--publish", "--kernel", "6.1"}).code, 64);
}

TEST(CommandTest, TwoInventoriesAreCompared) {
    FixtureTree tree;
    const auto with = [](const char* items) {
        return std::string{"{\"schema\":\"inventory-1\",\"items\":["} + items + "]}";
    };
    const char* disk =
        "{\"id\":\"disk.xvdb.size\",\"class\":\"required\",\"compare\":\"at-least\","
        "\"value\":\"2048\"}";
    tree.file("/a", with(disk)).file("/b", with(""));
    const std::string a = tree.at("/a").string();
    const std::string b = tree.at("/b").string();
    EXPECT_EQ(resumectl({"inventory", "diff", a, a}).code, 0);
    const Ran lost = resumectl({"inventory", "diff", a, b});
    EXPECT_EQ(lost.code, 1);
    EXPECT_EQ(lost.out, "required lost disk.xvdb.size (was 2048)\ndegraded\n");
    const Ran waived = resumectl({"inventory", "diff", "--waive", "disk.xvdb.size", a, b});
    EXPECT_EQ(waived.code, 0);
    EXPECT_EQ(waived.out, "required lost disk.xvdb.size (was 2048), waived\nnot degraded\n");
}

TEST(CommandTest, AnInventoryIsOneLine) {
    const Ran run = resumectl({"inventory"});
    EXPECT_EQ(run.code, 0);
    EXPECT_EQ(nlohmann::json::parse(run.out)["schema"], "inventory-1");
}

}  // namespace
}  // namespace resume::agent::doctor
