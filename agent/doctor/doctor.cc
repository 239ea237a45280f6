#include "agent/doctor/doctor.h"

#include <algorithm>

#include <nlohmann/json.hpp>

#include "agent/doctor/changelog.h"

namespace resume::agent::doctor {
namespace {

Context context_of(const Request& request) {
    Context context;
    context.root = request.root;
    context.cpuid = request.cpuid;
    context.pid = request.pid;
    context.settle = request.settle;
    context.earlier = request.earlier;
    context.poison = request.poison;
    context.store = request.store;
    context.running_kernel = request.kernel.empty() && request.root.is_live();
    context.table = load_known_bad(request.table.empty() ? installed_table() : request.table,
                                   request.table_more);
    if (context.running_kernel) {
        context.platform = detect_platform(request.root, request.cpuid);
    } else {
        context.platform.evidence = "not this machine's kernel; give --platform";
    }
    if (request.platform) {
        context.platform = {.platform = *request.platform,
                            .sure = true,
                            .evidence = "--platform says so",
                            .hypervisor_base = context.platform.hypervisor_base,
                            .hypervisor = context.platform.hypervisor};
    }
    if (request.kernel.empty()) {
        context.kernels = kernels_of(request.root);
    } else {
        // The running system's os-release says nothing of a kernel that is somewhere else.
        const std::string os = request.os_release.empty() && !request.root.is_live()
                                   ? request.root.read("/etc/os-release").text
                                   : request.os_release;
        context.kernels = {identify_kernel(request.kernel, parse_os_release(os), {})};
    }
    context.changelog = request.changelog.value_or("");
    if (!request.changelog && request.kernel.empty() && context.kernels.size() == 1) {
        context.changelog = package_changelog(request.root, context.kernels.front(), context.table);
    }
    return context;
}

void append(std::string& text, const char* label, const std::vector<std::string>& entries) {
    for (const std::string& entry : entries) {
        text += std::string{"           "} + label + entry + "\n";
    }
}

std::string padded(const char* word) {
    std::string text = word;
    text.resize(std::max<size_t>(text.size(), 9), ' ');
    return text;
}

}  // namespace

std::filesystem::path installed_table() {
    return RESUME_DOCTOR_DATADIR "/known-bad.toml";
}

Diagnosis diagnose(const Request& request) {
    const Context context = context_of(request);
    Diagnosis diagnosis;
    diagnosis.platform = context.platform;
    diagnosis.kernels = context.kernels;
    diagnosis.findings = examine(context);
    diagnosis.verdict = worst(diagnosis.findings);
    return diagnosis;
}

std::string to_json(const Diagnosis& diagnosis) {
    using nlohmann::json;
    json checks = json::array();
    for (const Finding& finding : diagnosis.findings) {
        checks.push_back({{"id", finding.id},
                          {"verdict", name_of(finding.verdict)},
                          {"evidence", finding.evidence},
                          {"advice", finding.advice},
                          {"sources", finding.sources}});
    }
    json kernels = json::array();
    for (const Kernel& kernel : diagnosis.kernels) {
        kernels.push_back({{"system", kernel.system},
                           {"release", kernel.release},
                           {"upstream", kernel.upstream ? to_string(*kernel.upstream) : ""},
                           {"upstream_source", kernel.upstream_source}});
    }
    const json whole{
        {"schema", "doctor-1"},
        {"verdict", diagnosis.verdict == Verdict::ok ? "safe" : name_of(diagnosis.verdict)},
        {"node", verdict_node(diagnosis.findings)},
        {"platform", name_of(diagnosis.platform.platform)},
        {"platform_sure", diagnosis.platform.sure},
        {"kernels", kernels},
        {"checks", checks}};
    // Names of processes and mounts are bytes of anybody's choosing, not UTF-8.
    return whole.dump(-1, ' ', false, json::error_handler_t::replace);
}

std::string to_text(const Diagnosis& diagnosis) {
    std::vector<Finding> sorted = diagnosis.findings;
    std::stable_sort(sorted.begin(), sorted.end(), [](const Finding& left, const Finding& right) {
        return static_cast<int>(left.verdict) > static_cast<int>(right.verdict);
    });
    std::string text;
    for (const Finding& finding : sorted) {
        text +=
            padded(name_of(finding.verdict)) + "  " + finding.id + ": " + finding.evidence + "\n";
        append(text, "do: ", finding.advice);
        if (finding.verdict != Verdict::ok) {
            append(text, "source: ", finding.sources);
        }
    }
    return text + "verdict: " + verdict_node(diagnosis.findings) + "\n";
}

}  // namespace resume::agent::doctor
