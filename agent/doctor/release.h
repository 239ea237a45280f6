// Which kernel this is: its system, who built it, and the upstream version it really carries.
// A distribution's release string often freezes the upstream version (4.18.0, 6.1.0), so each
// answer says where it comes from, and what cannot be known is said to be unknown.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "agent/doctor/root.h"
#include "agent/doctor/version.h"

namespace resume::agent::doctor {

/// os-release(5) as a map; quotes removed, bad lines skipped.
using OsRelease = std::map<std::string, std::string>;
OsRelease parse_os_release(std::string_view text);

struct Kernel {
    std::string system;   ///< "linux", "freebsd", "netbsd", "openbsd"
    std::string release;  ///< uname -r
    std::string vendor;   ///< "el8", "el7uek", "debian", "ubuntu", "suse", "" when unknown
    /// VERSION-RELEASE without distribution tag and architecture: "4.18.0-477.10.1"
    std::string package_version;
    std::optional<Version> upstream;
    std::string upstream_source;  ///< where `upstream` comes from, or why it is not known
};

/// More that a running system or an image can tell about a kernel.
struct KernelHints {
    std::string proc_version{};       ///< /proc/version
    std::string version_signature{};  ///< Ubuntu's /proc/version_signature
    std::string package_version{};    ///< dpkg's version of linux-image-RELEASE
};

Kernel identify_kernel(std::string release, const OsRelease& os, const KernelHints& hints);

/// Whether a release of Enterprise Linux is a z-stream update: its numbers went on after the base
/// build (477.10.1 against 488). Those take single fixes without passing the later builds.
bool is_z_stream(const Kernel& kernel);

/// The kernel that runs (live root), or each that an image has in /lib/modules.
std::vector<Kernel> kernels_of(const Root& root);

}  // namespace resume::agent::doctor
