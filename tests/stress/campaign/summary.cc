#include "tests/stress/campaign/summary.h"

#include <algorithm>
#include <iomanip>

#include "libresume/oracle/invariants.h"
#include "libresume/oracle/judge.h"
#include "libresume/oracle/trace_report.h"
#include "tests/stress/campaign/cycle_table.h"
#include "tests/stress/campaign/faults.h"
#include "tests/stress/campaign/xml.h"

namespace resume::stress {

namespace {

void print_rates(std::ostream& out, const char* title, const Tally::Counts& counts, uint64_t all) {
    out << title << '\n';
    for (const auto& [name, count] : counts) {
        out << "  " << std::left << std::setw(24) << name << std::right << std::setw(12) << count
            << std::setw(9) << std::fixed << std::setprecision(2)
            << 100.0 * static_cast<double>(count) / static_cast<double>(std::max<uint64_t>(1, all))
            << " %\n";
    }
}

void print_rare(std::ostream& out, const Tally& tally, model::GuestKind guest) {
    out << "rare states reached\n";
    for (const std::string& state : rare_states(guest)) {
        const auto found = tally.rare.find(state);
        if (found != tally.rare.end()) {
            out << "  " << std::setw(10) << found->second << "  " << state << '\n';
        }
    }
    out << "not reached\n";
    for (const std::string& state : rare_states(guest)) {
        if (tally.rare.count(state) == 0) {
            out << "  " << state << '\n';
        }
    }
    out << "not there yet\n";
    for (const Missing& row : missing_faults()) {
        out << "  " << row.name << ": " << row.reason << '\n';
    }
}

const char* statement_of(const std::string& id) {
    for (size_t i = 0; i < oracle::kInvariantCount; ++i) {
        if (id == oracle::kInvariants[i].id) {
            return oracle::kInvariants[i].statement;
        }
    }
    return nullptr;
}

void print_finding(std::ostream& out, const Finding& finding) {
    out << name_of(finding.kind) << ' ' << finding.id << ", cycle " << finding.cycle << ": "
        << finding.detail;
    if (!finding.device.empty()) {
        out << " (" << finding.device << ')';
    }
    out << '\n';
}

void print_guest(std::ostream& out, const LifePlan& plan) {
    out << "A " << name_of(plan.guest) << " guest with " << plan.vcpus
        << (plan.vcpus == 1 ? " vCPU, " : " vCPUs, ");
    if (plan.guest != model::GuestKind::kvm) {
        out << "upcalls by " << (plan.vcpu_vector ? "each vCPU's vector" : "the callback vector")
            << ", a disk of " << plan.queues << (plan.queues == 1 ? " queue, " : " queues, ");
    }
    out << plan.hosts << (plan.hosts == 1 ? " host" : " hosts") << ".\n";
    if (plan.reads_clock || plan.calls_cpus) {
        out << "The rtc" << (plan.reads_clock ? " reads the clock" : "")
            << (plan.reads_clock && plan.calls_cpus ? " and" : "")
            << (plan.calls_cpus ? " calls the other vCPUs" : "") << " in resume_noirq.\n";
    }
    for (uint8_t i = 0; i + 1 < kBugCount; ++i) {
        if (plan.bugs.has(bug_info(i).bug)) {
            out << "It has the bug " << bug_info(i).name << " (" << bug_info(i).report << ").\n";
        }
    }
}

}  // namespace

void print_failure(std::ostream& out, const CampaignId& id, const FailedLife& failed) {
    out << "FAILED life " << failed.life << ": ";
    print_finding(out, failed.finding);
    out << "  " << replay_line(id, failed.life) << '\n';
}

void print_summary(std::ostream& out, const CampaignResult& result) {
    const Tally& tally = result.tally;
    const double cycles = static_cast<double>(std::max<uint64_t>(1, tally.cycles));
    out << name_of(result.id.draw.guest) << ", seed " << result.id.draw.seed << ": " << tally.cycles
        << " cycles in " << tally.lives << " lives, " << std::fixed << std::setprecision(1)
        << result.seconds << " s, " << std::setprecision(0)
        << cycles / std::max(result.seconds, 1e-9) << " cycles a second with " << result.jobs
        << (result.jobs == 1 ? " job, " : " jobs, ") << std::setprecision(1)
        << static_cast<double>(tally.events) / cycles << " events a cycle, "
        << 100.0 * static_cast<double>(tally.at_hypercall) / cycles << " % reached the hypercall\n";
    print_rates(out, "outcomes", tally.outcomes, tally.cycles);
    print_rates(out, "what was wanted of it", tally.acts, tally.cycles);
    print_rates(out, "faults", tally.faults, tally.cycles);
    print_rare(out, tally, result.id.draw.guest);
    for (const FailedLife& failed : result.failures) {
        print_failure(out, result.id, failed);
    }
    out << "hash " << hash_text(result.hash) << (result.complete ? "" : ", cut short") << ", "
        << tally.violations << " violations";
    if (result.failures.empty()) {
        out << ": with 95 % confidence fewer than one cycle of " << std::setprecision(0)
            << 1 / bound_95(tally.cycles) << " fails, of the model";
    }
    out << '\n';
    if (tally.inconclusive != 0) {
        out << tally.inconclusive << " lives are inconclusive: their traces lost events\n";
    }
}

void print_junit(std::ostream& out, const std::vector<CampaignResult>& results) {
    size_t failures = 0;
    for (const CampaignResult& result : results) {
        failures += result.failures.empty() ? 0 : 1;
    }
    out << "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuite name=\"resume-stress\" tests=\""
        << results.size() << "\" failures=\"" << failures << "\">\n";
    for (const CampaignResult& result : results) {
        out << "  <testcase classname=\"resume-stress\" name=\"" << name_of(result.id.draw.guest)
            << " seed " << result.id.draw.seed << "\" time=\"" << result.seconds << "\">\n";
        for (const FailedLife& failed : result.failures) {
            out << "    <failure type=\"" << name_of(failed.finding.kind) << "\" message=\""
                << xml_escaped(failed.finding.id + ": " + failed.finding.detail) << "\">"
                << xml_escaped(replay_line(result.id, failed.life)) << "</failure>\n";
        }
        out << "  </testcase>\n";
    }
    out << "</testsuite>\n";
}

void print_story(std::ostream& out, const LifePlan& plan, const LifeResult& result) {
    print_guest(out, plan);
    for (size_t i = 0; i < result.notes.size(); ++i) {
        const PlannedCycle& cycle = plan.cycles[i];
        out << std::setw(3) << i + 1 << ". Wanted: " << want_of(plan, cycle)
            << (cycle.load ? "; the disk has requests under way" : "");
        for (const PlannedFault& fault : cycle.faults) {
            out << "; " << story_of(fault, plan);
        }
        out << ". The cycle: " << result.notes[i].outcome << ".";
        if (!result.notes[i].host.empty()) {
            out << " The host: " << result.notes[i].host << '.';
        }
        out << '\n';
    }
    if (!result.finding) {
        out << "Nothing is wrong.\n";
        return;
    }
    if (result.finding->cycle > plan.cycles.size()) {
        out << "  Then all should be well again.\n";
    }
    out << "BROKEN ";
    print_finding(out, *result.finding);
    if (const char* statement = statement_of(result.finding->id)) {
        out << "  " << result.finding->id << ": " << statement << '\n';
    }
    const auto reports = oracle::reports_of(result.view, oracle::judge(result.view), "cycle-");
    if (!reports.empty()) {
        out << "Its last cycle, step by step:\n";
        print_cycle(out, reports.back());
    }
}

}  // namespace resume::stress
