#include "agent/doctor/release.h"

#include <regex.h>

#include <algorithm>

#include "libresume/assert.h"

namespace resume::agent::doctor {
namespace {

constexpr size_t kDpkgStatusMax = 64U << 20;

bool has(std::string_view text, std::string_view part) {
    return text.find(part) != text.npos;
}

// The C library's expressions: std::regex alone is a tenth of the agent's code, and recurses.
struct Pattern {
    explicit Pattern(const char* text) {
        const int wrong = ::regcomp(&compiled, text, REG_EXTENDED);
        RESUME_ASSERT(wrong == 0);
    }
    ~Pattern() { ::regfree(&compiled); }
    Pattern(const Pattern&) = delete;
    Pattern& operator=(const Pattern&) = delete;
    regex_t compiled{};
};

bool fits(const std::string& text, const char* pattern) {
    const Pattern wanted{pattern};
    return ::regexec(&wanted.compiled, text.c_str(), 0, nullptr, 0) == 0;
}

// The first group of the first match; empty when there is none.
std::string matched(const std::string& text, const char* pattern) {
    const Pattern wanted{pattern};
    regmatch_t found[2];
    if (::regexec(&wanted.compiled, text.c_str(), 2, found, 0) != 0) {
        return {};
    }
    return text.substr(static_cast<size_t>(found[1].rm_so),
                       static_cast<size_t>(found[1].rm_eo - found[1].rm_so));
}

std::string system_of(const std::string& release, const OsRelease& os) {
    const auto id = os.find("ID");
    for (const char* system : {"freebsd", "netbsd", "openbsd"}) {
        if (id != os.end() && id->second == system) {
            return system;
        }
    }
    return fits(release, "-(RELEASE|STABLE|CURRENT)") ? "freebsd" : "linux";
}

std::string vendor_of(const std::string& release, const OsRelease& os) {
    if (has(release, ".elrepo") || has(release, ".qubes.")) {
        return "";  // rebuilds of upstream releases, whatever they are installed on
    }
    if (auto tag = matched(release, R"(\.(el[0-9]+(uek)?))"); !tag.empty()) {
        return tag;
    }
    // A kernel is its distribution's only by its own shape: anybody's build may run below it.
    const auto id = os.find("ID");
    const auto like = os.find("ID_LIKE");
    const std::string who =
        (id == os.end() ? "" : id->second) + " " + (like == os.end() ? "" : like->second);
    const bool numbered =
        fits(release, R"(^[0-9]+\.[0-9]+\.[0-9]+-[0-9]+(\.bpo\.[0-9]+)?-[a-zA-Z0-9_])");
    if (has(who, "ubuntu") && numbered) {
        return "ubuntu";
    }
    if (has(who, "debian") && (numbered || has(release, "+deb"))) {
        return "debian";
    }
    const bool suse = has(who, "sles") || has(who, "sled") || has(who, "suse");
    if (suse && !has(who, "tumbleweed") && fits(release, "-[a-z]+$")) {
        return "suse";
    }
    return "";
}

// "477.10.1.el8_8.x86_64" keeps "477.10.1": what builds of rebuilders have in common.
std::string package_version_of(const std::string& release) {
    const std::string enterprise =
        matched(release, R"(^([0-9][0-9.]*-[0-9.]*[0-9])\.(rt[0-9.]+\.)?el[0-9])");
    return enterprise.empty() ? release : enterprise;
}

void set_upstream(Kernel& kernel, const std::string& text, const char* source) {
    kernel.upstream = parse_version(text);
    kernel.upstream_source = kernel.upstream ? source : "version not understood: " + text;
}

void find_upstream_freebsd(Kernel& kernel) {
    const std::string base = matched(kernel.release, R"(^([0-9]+\.[0-9]+)-RELEASE)");
    if (base.empty()) {
        kernel.upstream_source = "between releases only the revision tells";
        return;
    }
    const std::string patch = matched(kernel.release, "-RELEASE-p([0-9]+)$");
    set_upstream(kernel, base + "-p" + (patch.empty() ? "0" : patch), "release string");
}

// "6.17.0-63.fc43", not "6.17.0-rc3".
bool is_rebuilt(const std::string& release) {
    const std::string behind = matched(release, R"(^[0-9]+\.[0-9]+\.0-(..?))");
    return !behind.empty() && behind != "rc";
}

void find_upstream_linux(Kernel& kernel, const KernelHints& hints) {
    const std::string debian = matched(hints.proc_version, ".*Debian ([0-9][0-9.]*)[~+-]");
    const std::string ubuntu = matched(hints.version_signature, R"( ([0-9]+\.[0-9]+\.[0-9]+)$)");
    const std::string dpkg = matched(hints.package_version, R"(^([0-9]+\.[0-9]+\.[0-9]+)-)");
    const std::string plain =
        matched(kernel.release, R"(^([0-9]+\.[0-9]+(\.[0-9]+)*(-rc[0-9]+)?))");
    const bool debian_shape = kernel.vendor == "debian" && has(kernel.release, "+deb");
    const bool tells_itself = kernel.vendor.empty() || debian_shape;
    if (!debian.empty()) {
        set_upstream(kernel, debian, "/proc/version");
    } else if (!ubuntu.empty()) {
        set_upstream(kernel, ubuntu, "/proc/version_signature");
    } else if (kernel.vendor == "debian" && !dpkg.empty()) {
        set_upstream(kernel, dpkg, "package database");
    } else if (!tells_itself) {
        kernel.upstream_source =
            "kernels of " + kernel.vendor + " take fixes without changing the version";
    } else if (plain.empty()) {
        kernel.upstream_source = "release string not understood";
    } else if (kernel.vendor.empty() && is_rebuilt(kernel.release)) {
        kernel.upstream_source = "a rebuilt " + plain + " may carry fixes of later releases";
    } else {
        set_upstream(kernel, plain, "release string");
    }
}

// dpkg keeps one paragraph a package; only the version of this kernel's package is of use.
std::string dpkg_version(const Root& root, const std::string& release) {
    const Text status = root.read("/var/lib/dpkg/status", kDpkgStatusMax);
    const std::string head = "Package: linux-image-" + release + "\n";
    const auto begin = status.text.find(head);
    if (begin == std::string::npos) {
        return {};
    }
    const auto end = status.text.find("\n\n", begin);
    return matched(status.text.substr(begin, end == std::string::npos ? end : end - begin),
                   "\nVersion: ([^[:space:]]+)");
}

OsRelease os_release_of(const Root& root) {
    const Text text = root.read("/etc/os-release");
    return parse_os_release(text ? text.text : root.read("/usr/lib/os-release").text);
}

}  // namespace

OsRelease parse_os_release(std::string_view text) {
    OsRelease map;
    for (const std::string& line : lines(text)) {
        const auto equals = line.find('=');
        if (equals == std::string::npos || line.front() == '#') {
            continue;
        }
        std::string value{trim(std::string_view{line}.substr(equals + 1))};
        if (value.size() >= 2 && (value.front() == '"' || value.front() == '\'') &&
            value.back() == value.front()) {
            value = value.substr(1, value.size() - 2);
        }
        map[std::string{trim(line.substr(0, equals))}] = value;
    }
    return map;
}

Kernel identify_kernel(std::string release, const OsRelease& os, const KernelHints& hints) {
    Kernel kernel;
    kernel.release = std::move(release);
    kernel.release.resize(std::min<size_t>(kernel.release.size(), 200));  // uname's has 64 bytes
    kernel.system = system_of(kernel.release, os);
    kernel.package_version = package_version_of(kernel.release);
    if (kernel.system == "linux") {
        kernel.vendor = vendor_of(kernel.release, os);
        find_upstream_linux(kernel, hints);
    } else if (kernel.system == "freebsd") {
        find_upstream_freebsd(kernel);
    } else {
        set_upstream(kernel, matched(kernel.release, R"(^([0-9]+(\.[0-9]+)*))"), "release string");
    }
    return kernel;
}

bool is_z_stream(const Kernel& kernel) {
    const auto dash = kernel.package_version.find('-');
    return dash != std::string::npos && has(kernel.package_version.substr(dash), ".");
}

std::vector<Kernel> kernels_of(const Root& root) {
    std::vector<Kernel> kernels;
    const OsRelease os = os_release_of(root);
    std::vector<std::string> releases = root.list("/lib/modules");
    if (root.is_live()) {
        releases = {std::string{trim(root.line("/proc/sys/kernel/osrelease"))}};
    }
    for (const std::string& release : releases) {
        if (release.empty() || kernels.size() == 64) {
            continue;
        }
        KernelHints hints;
        if (root.is_live()) {
            hints.proc_version = root.line("/proc/version").substr(0, 1024);
            hints.version_signature = root.line("/proc/version_signature").substr(0, 256);
        }
        hints.package_version = dpkg_version(root, release);
        kernels.push_back(identify_kernel(release, os, hints));
    }
    return kernels;
}

}  // namespace resume::agent::doctor
