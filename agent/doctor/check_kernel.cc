// Platform and known-bad kernels.
#include <algorithm>
#include <thread>

#include "agent/doctor/checks.h"

namespace resume::agent::doctor {
namespace {

Verdict verdict_of(Severity severity) {
    switch (severity) {
        case Severity::note:
            return Verdict::ok;
        case Severity::warning:
            return Verdict::warning;
        case Severity::unsafe:
            return Verdict::unsafe;
    }
    return Verdict::unsafe;
}

Finding finding_of(const KnownBad& row, const Judgement& judgement, Verdict verdict) {
    return {.id = row.id,
            .verdict = verdict,
            .evidence = row.title + ". " + judgement.reason + ". Cause: " + row.cause,
            .advice = row.ways_out,
            .sources = row.sources};
}

// A row that is affected: its verdict, with what the other checks saw of this guest.
Verdict weigh(const KnownBad& row, const Judgement& judgement,
              const std::vector<Finding>& findings) {
    const auto finding = std::find_if(findings.begin(), findings.end(), [&](const Finding& other) {
        return other.id == row.raise_if;
    });
    if (finding != findings.end() && finding->unclear) {
        return Verdict::unknown;
    }
    const bool raised = finding != findings.end() && finding->present;
    const Verdict verdict = verdict_of(raised ? row.raised : row.verdict);
    const bool unsure = judgement.exposure == Exposure::unknown;
    return unsure && verdict != Verdict::ok ? Verdict::unknown : verdict;
}

struct Tally {
    size_t safe = 0;
    std::vector<std::string> not_judged;
    std::vector<std::string> notes;
    std::string why_not_judged;
};

void judge_kernel(const Context& context, const Kernel& kernel, std::vector<Finding>& findings) {
    GuestFacts guest{
        .platform = context.platform.platform, .vcpus = 0, .changelog = context.changelog};
    if (context.running_kernel && context.root.is_live()) {
        guest.vcpus = std::thread::hardware_concurrency();
    }
    Tally tally;
    for (const KnownBad& row : context.table.rows) {
        const Judgement judgement = judge(row, kernel, guest);
        if (judgement.exposure == Exposure::safe) {
            ++tally.safe;
        } else if (judgement.exposure == Exposure::not_judged) {
            tally.not_judged.push_back(row.id);
            tally.why_not_judged = judgement.reason;
        } else if (const Verdict verdict = weigh(row, judgement, findings);
                   verdict == Verdict::ok) {
            tally.notes.push_back(row.id);
        } else {
            findings.push_back(finding_of(row, judgement, verdict));
        }
    }
    std::string evidence = kernel.release + ": " + std::to_string(tally.safe) + " of " +
                           std::to_string(context.table.rows.size()) + " rows do not concern it";
    if (!tally.notes.empty()) {
        evidence += "; known, but harmless as this guest is: " + some_of(tally.notes, 20);
    }
    if (!tally.not_judged.empty()) {
        evidence += "; not judged (" + tally.why_not_judged + "): " + some_of(tally.not_judged, 20);
    }
    findings.push_back(fine("known-bad", evidence));
}

}  // namespace

void check_platform(const Context& context, std::vector<Finding>& findings) {
    const PlatformFacts& facts = context.platform;
    Finding finding =
        fine("platform", std::string{name_of(facts.platform)} +
                             (facts.sure ? " (sure): " : " (not sure): ") + facts.evidence);
    if (facts.platform == Platform::xen_dom0) {
        finding.verdict = Verdict::warning;
        finding.advice = {"a control domain is not suspended or migrated; run this in the guests"};
    }
    findings.push_back(std::move(finding));
}

void check_known_bad(const Context& context, std::vector<Finding>& findings) {
    for (const std::string& error : context.table.errors) {
        findings.push_back({.id = "known-bad-table",
                            .verdict = Verdict::unknown,
                            .evidence = error,
                            .advice = {"correct the file, or the row is not looked for"},
                            .sources = {}});
    }
    if (context.kernels.empty()) {
        findings.push_back({.id = "known-bad",
                            .verdict = Verdict::unknown,
                            .evidence = "no kernel found (looked in /lib/modules)",
                            .advice = {"name it with --kernel"},
                            .sources = {}});
    }
    for (const Kernel& kernel : context.kernels) {
        judge_kernel(context, kernel, findings);
    }
}

}  // namespace resume::agent::doctor
