#include "agent/doctor/command.h"

#include <chrono>
#include <cstring>
#include <fstream>
#include <memory>
#include <optional>
#include <ostream>
#include <set>
#include <thread>

#include <CLI/CLI.hpp>

#include "agent/ctl/exit_codes.h"
#include "agent/doctor/doctor.h"
#include "agent/doctor/inventory.h"
#include "agent/observe/xenstore.h"

namespace resume::agent::doctor {
namespace {

constexpr size_t kFileMax = 16U << 20;
constexpr std::chrono::milliseconds kBetweenLooks{500};

struct DoctorOptions {
    std::string root;
    std::string kernel;
    std::string os_release;
    std::string platform;
    std::string changelog;
    std::string known_bad;
    std::string fail_on;
    int pid = 0;
    bool json = false;
    bool publish = false;
};

struct InventoryOptions {
    std::string root;
    std::string before;
    std::string after;
    std::vector<std::string> waive;
    bool json = false;
};

bool read_file(const std::string& path, std::string& text, std::ostream& err) {
    std::ifstream stream{path, std::ios::binary};
    text.resize(kFileMax + 1);
    stream.read(text.data(), static_cast<std::streamsize>(text.size()));
    text.resize(static_cast<size_t>(stream.gcount()));
    if (!stream.is_open() || stream.bad() || text.size() > kFileMax) {
        err << path << (text.size() > kFileMax ? ": more than 16 MiB\n" : ": cannot be read\n");
        return false;
    }
    return true;
}

// A connection of its own for each node, closed at once: an open one is itself what the doctor
// looks for.
std::optional<std::string> read_store(std::string_view path) {
    XenbusStore store{resume::agent::Root{}};
    const StoreAnswer answer = store.read(path);
    return answer.ok() ? std::optional{answer.value} : std::nullopt;
}

int publish(const Diagnosis& diagnosis, std::ostream& err) {
    XenbusStore store{resume::agent::Root{}};
    const StoreAnswer answer = store.write("data/resume/doctor", verdict_node(diagnosis.findings));
    if (!answer.ok()) {
        err << "data/resume/doctor: cannot be written: " << std::strerror(answer.error) << "\n";
        return kExitNoAgent;
    }
    return kExitGood;
}

int run_doctor(const DoctorOptions& options, std::ostream& out, std::ostream& err) {
    Request request;
    request.kernel = options.kernel;
    request.table = options.known_bad;
    request.platform = platform_from(options.platform);
    request.settle = [] { std::this_thread::sleep_for(kBetweenLooks); };
    if (!options.root.empty()) {
        std::error_code error;
        if (!std::filesystem::is_directory(options.root, error)) {
            err << options.root << ": not a directory\n";
            return kExitUnreadable;
        }
        request.root = Root::image(options.root);
    }
    if (request.root.is_live() && request.kernel.empty()) {
        request.store = read_store;
    }
    if (options.pid != 0) {
        request.pid = options.pid;
    }
    if (!options.os_release.empty() && !read_file(options.os_release, request.os_release, err)) {
        return kExitUnreadable;
    }
    if (!options.changelog.empty() &&
        !read_file(options.changelog, request.changelog.emplace(), err)) {
        return kExitUnreadable;
    }
    if (!options.known_bad.empty() && !std::filesystem::exists(options.known_bad)) {
        err << options.known_bad << ": cannot be read\n";
        return kExitUnreadable;
    }
    const Diagnosis diagnosis = diagnose(request);
    out << (options.json ? to_json(diagnosis) + "\n" : to_text(diagnosis));
    if (options.publish) {
        if (const int failed = publish(diagnosis, err); failed != kExitGood) {
            return failed;
        }
    }
    const Verdict fail_on = options.fail_on == "warning"  ? Verdict::warning
                            : options.fail_on == "unsafe" ? Verdict::unsafe
                                                          : Verdict::ok;
    return exit_code(diagnosis.verdict, fail_on);
}

int run_inventory(const InventoryOptions& options, std::ostream& out) {
    const bool here = options.root.empty();
    const Root root = here ? Root::live() : Root::fixture(options.root);
    out << to_json(take_inventory(root, here ? live_cpuid() : Cpuid{})) << "\n";
    return 0;
}

int run_diff(const InventoryOptions& options, std::ostream& out, std::ostream& err) {
    Inventory sides[2];
    const std::string* files[2] = {&options.before, &options.after};
    for (size_t i = 0; i < 2; ++i) {
        std::string text;
        std::string wrong;
        if (!read_file(*files[i], text, err)) {
            return kExitUnreadable;
        }
        sides[i] = parse_inventory(text, *files[i], wrong);
        if (!wrong.empty()) {
            err << wrong << "\n";
            return kExitUnreadable;
        }
    }
    const Comparison result =
        compare(sides[0], sides[1], {options.waive.begin(), options.waive.end()});
    out << (options.json ? to_json(result) + "\n" : to_text(result));
    return exit_code(result);
}

}  // namespace

void add_doctor_command(CLI::App& app, std::ostream& out, std::ostream& err, int& exit_code) {
    auto options = std::make_shared<DoctorOptions>();
    CLI::App* command = app.add_subcommand("doctor", "Is this guest safe to suspend and migrate?");
    command->add_flag("--json", options->json, "One line of JSON");
    command->add_flag("--publish", options->publish,
                      "Write the verdict to this guest's xenstore, data/resume/doctor");
    command->add_option("--fail-on", options->fail_on, "Exit 0 for everything that is better")
        ->check(CLI::IsMember({"warning", "unsafe"}));
    command->add_option("--root", options->root, "Judge the image mounted here, not this system");
    command->add_option("--kernel", options->kernel, "Judge this release (uname -r), not the own");
    command->add_option("--os-release", options->os_release, "os-release(5) file of that kernel");
    command->add_option("--platform", options->platform, "What it runs on")
        ->check(CLI::IsMember({"xen-hvm", "xen-pvh", "xen-pv", "kvm"}));
    command->add_option("--changelog", options->changelog,
                        "Changelog of the kernel's package (rpm -q --changelog)");
    command->add_option("--known-bad", options->known_bad, "Use this table of known-bad kernels");
    command->add_option("--pid", options->pid, "Look at the device paths of this process too")
        ->check(CLI::PositiveNumber);
    command->callback([options, &out, &err, &exit_code] {
        const bool elsewhere = !options->root.empty() || !options->kernel.empty();
        if (elsewhere && (options->pid != 0 || options->publish)) {
            err << "--pid and --publish are about this very guest: not with --root or --kernel\n";
            exit_code = kExitUsage;
            return;
        }
        exit_code = run_doctor(*options, out, err);
    });
}

void add_inventory_command(CLI::App& app, std::ostream& out, std::ostream& err, int& exit_code) {
    auto options = std::make_shared<InventoryOptions>();
    CLI::App* command = app.add_subcommand("inventory", "What this guest has, as one line of JSON");
    command->add_option("--root", options->root, "A directory that plays the running system");
    CLI::App* diff = command->add_subcommand("diff", "What changed from one inventory to another");
    diff->add_option("BEFORE", options->before, "Inventory file")->required();
    diff->add_option("AFTER", options->after, "Inventory file")->required();
    diff->add_option("--waive", options->waive, "Ids whose loss is accepted")->delimiter(',');
    diff->add_flag("--json", options->json, "One line of JSON");
    diff->callback([options, &out, &err, &exit_code] { exit_code = run_diff(*options, out, err); });
    command->callback([options, diff, &out, &exit_code] {
        if (!*diff) {
            exit_code = run_inventory(*options, out);
        }
    });
}

}  // namespace resume::agent::doctor
