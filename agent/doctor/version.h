// Comparing versions: rpm's and Debian's orders for package versions, and upstream kernel versions
// with their branches. All pure functions over untrusted text; none throws on bad text.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace resume::agent::doctor {

/// rpm's order of two version or release strings (rpm's rpmvercmp): segments of digits and of
/// letters, "~" before everything, "^" after the end but before any other continuation.
/// Returns < 0, 0 or > 0.
int compare_rpm(std::string_view left, std::string_view right);

/// As compare_rpm, for "[EPOCH:]VERSION[-RELEASE]"; a side without a release equals any release.
int compare_rpm_evr(std::string_view left, std::string_view right);

/// Debian's order (deb-version(7)) of "[EPOCH:]UPSTREAM[-REVISION]".
int compare_debian(std::string_view left, std::string_view right);

/// An upstream version: "6.12.54", "6.17-rc3", FreeBSD's "10.3-p17". Missing numbers are zeros.
struct Version {
    std::vector<int> numbers;
    std::optional<int> candidate;  ///< N of -rcN or ~rcN; orders before the release itself
};

/// Parses the whole of `text`; nothing for anything else, or for numbers beyond 2^30.
std::optional<Version> parse_version(std::string_view text);
std::string to_string(const Version& version);
int compare(const Version& left, const Version& right);

/// Whether both get fixes from the same stable branch: 6.1.x, 10.3-pX; three numbers for 2.6.32.x.
bool same_branch(const Version& left, const Version& right);

/// Whether `version` is at or past a change that reached the branches in `points`: the point of its
/// own branch, or the last point (the main line). A branch without a point never got the change.
bool reached(const std::vector<Version>& points, const Version& version);

}  // namespace resume::agent::doctor
