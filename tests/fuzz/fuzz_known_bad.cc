// A file of /etc/libresume/known-bad.d from anywhere, and a kernel: up to the first zero byte the
// table, then the release, os-release and the package's changelog. Rows that are taken are whole,
// each complaint names the file, and every row can be judged.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "agent/doctor/changelog.h"
#include "agent/doctor/known_bad.h"

namespace {

using namespace resume::agent::doctor;

std::string_view take(std::string_view& text) {
    const std::string_view part = text.substr(0, text.find('\0'));
    text.remove_prefix(part.size() == text.size() ? part.size() : part.size() + 1);
    return part;
}

void require(bool condition) {
    if (!condition) {
        __builtin_trap();
    }
}

void check_rows(const KnownBadTable& table) {
    for (const KnownBad& row : table.rows) {
        require(!row.id.empty() && row.id.size() <= 40 && !row.sources.empty() &&
                !row.from.empty() && !row.platforms.empty());
        for (const KnownBad& other : table.rows) {
            require(&row == &other || row.id != other.id);
        }
    }
    for (const std::string& error : table.errors) {
        require(error.starts_with("fuzz.toml"));
    }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    std::string_view text{reinterpret_cast<const char*>(data), size};
    KnownBadTable table;
    add_known_bad(table, take(text), "fuzz.toml");
    check_rows(table);
    const std::string release{take(text)};
    const OsRelease os = parse_os_release(take(text));
    ChangelogExtract changelog{table};
    changelog.add(text);
    const GuestFacts guest{
        .platform = Platform::xen_hvm, .vcpus = 2, .changelog = changelog.take()};
    static const Kernel kUpstream = identify_kernel("6.1.76", {}, {});
    static const Kernel kVendor = identify_kernel("4.18.0-477.10.1.el8_8.x86_64", {}, {});
    const Kernel theirs = identify_kernel(release, os, {});
    for (const KnownBad& row : table.rows) {
        for (const Kernel* kernel : {&kUpstream, &kVendor, &theirs}) {
            const Judgement judgement = judge(row, *kernel, guest);
            require(judgement.exposure == Exposure::safe || !judgement.reason.empty());
        }
    }
    return 0;
}
