#include "agent/doctor/known_bad.h"

#include <algorithm>

#include "agent/doctor/version.h"

namespace resume::agent::doctor {
namespace {

std::vector<Version> parse_all(const std::vector<std::string>& texts) {
    std::vector<Version> versions;
    for (const std::string& text : texts) {
        if (auto version = parse_version(text)) {
            versions.push_back(std::move(*version));
        }
    }
    return versions;
}

bool mentions(const std::string& changelog, const std::vector<std::string>& subjects) {
    return std::any_of(subjects.begin(), subjects.end(), [&](const std::string& subject) {
        return changelog.find(subject) != std::string::npos;
    });
}

std::string range_of(const KnownBad& row) {
    return "came in with " + row.from.front() +
           (row.fixed.empty() ? ", no fix known" : ", fixed in " + row.fixed.back());
}

// With the points of the version's own branch, which are what its owner can go to.
std::string range_of(const KnownBad& row, const Version& version) {
    const auto own = [&](const std::vector<std::string>& points, const std::string& otherwise) {
        for (const std::string& text : points) {
            if (const auto point = parse_version(text); point && same_branch(*point, version)) {
                return text;
            }
        }
        return otherwise;
    };
    const std::string from = "came in with " + own(row.from, row.from.front());
    if (row.fixed.empty()) {
        return from + ", no fix known";
    }
    const std::string fixed = own(row.fixed, "");
    return from + (fixed.empty() ? ", not fixed in this branch; fixed in " + row.fixed.back()
                                 : ", fixed in " + fixed);
}

// The package's changelog is the one witness that sees single backported fixes.
Judgement judge_by_changelog(const KnownBad& row, const Kernel& kernel,
                             const std::string& changelog) {
    const std::string range = kernel.release + " is in the range (" + range_of(row) + ")";
    if (changelog.empty()) {
        return {
            Exposure::unknown,
            range + ", a build that may carry the fix; without its " +
                "package's changelog nobody can tell (--changelog FILE, from rpm -q --changelog)"};
    }
    if (mentions(changelog, row.fix_subjects)) {
        return {Exposure::safe, "the package's changelog names the fix"};
    }
    if (row.cause_subjects.empty() || mentions(changelog, row.cause_subjects)) {
        return {Exposure::affected, range + ", and the package's changelog does not name the fix"};
    }
    return {Exposure::safe, "the package's changelog does not name the change that broke it"};
}

Judgement judge_vendor(const KnownBad& row, const Kernel& kernel, const GuestFacts& guest) {
    const std::string& version = kernel.package_version;
    if (kernel.vendor != row.vendor || compare_rpm_evr(version, row.from.front()) < 0) {
        return {};
    }
    if (!row.fixed.empty() && compare_rpm_evr(version, row.fixed.front()) >= 0) {
        return {};
    }
    // Another upstream version altogether (kernel-ml of the same vendor) is another kernel.
    const auto upstream = [](const std::string& text) { return text.substr(0, text.find('-')); };
    if (upstream(version) != upstream(row.from.front())) {
        return {};
    }
    const bool later_update = is_z_stream(kernel) && !row.sure_until.empty() &&
                              compare_rpm_evr(version, row.sure_until) > 0;
    if (!later_update && (guest.changelog.empty() || row.fix_subjects.empty())) {
        return {Exposure::affected, version + ": " + range_of(row)};
    }
    return judge_by_changelog(row, kernel, guest.changelog);
}

Judgement judge_upstream(const KnownBad& row, const Kernel& kernel) {
    if (!kernel.upstream) {
        return {Exposure::not_judged, kernel.upstream_source};
    }
    const Version& version = *kernel.upstream;
    const std::string named = to_string(version) + " (" + kernel.upstream_source + ")";
    if (!reached(parse_all(row.from), version) || reached(parse_all(row.fixed), version)) {
        return {};
    }
    for (const Version& branch : parse_all(row.unsure)) {
        if (same_branch(branch, version)) {
            return {Exposure::unknown, named + ": nothing tells whether this branch has the fix"};
        }
    }
    for (const Version& point : parse_all(row.fixed)) {
        if (version.candidate && point.numbers == version.numbers) {
            return {Exposure::unknown, named + ": a release candidate of the version with the fix"};
        }
    }
    return {Exposure::affected, named + ": " + range_of(row, version)};
}

}  // namespace

Judgement judge(const KnownBad& row, const Kernel& kernel, const GuestFacts& guest) {
    const bool elsewhere = guest.platform != Platform::unknown &&
                           std::find(row.platforms.begin(), row.platforms.end(), guest.platform) ==
                               row.platforms.end();
    if (row.system != kernel.system || elsewhere) {
        return {};
    }
    Judgement judgement =
        row.vendor.empty() ? judge_upstream(row, kernel) : judge_vendor(row, kernel, guest);
    if (judgement.exposure != Exposure::affected) {
        return judgement;
    }
    if (guest.platform == Platform::unknown) {
        return {Exposure::unknown, judgement.reason +
                                       "; harmless or not by the platform, which "
                                       "is not known: use --platform"};
    }
    if (row.min_vcpus > 0 && guest.vcpus > 0 && guest.vcpus < row.min_vcpus) {
        return {};
    }
    if (row.min_vcpus > 0 && guest.vcpus == 0) {
        return {Exposure::unknown, judgement.reason + "; only with " +
                                       std::to_string(row.min_vcpus) +
                                       " vCPUs or more, and their number is not known"};
    }
    return judgement;
}

}  // namespace resume::agent::doctor
