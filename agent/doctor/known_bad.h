// The table of known-bad kernels: read from TOML, judged against one kernel on one platform.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "agent/doctor/platform.h"
#include "agent/doctor/release.h"

namespace resume::agent::doctor {

enum class Severity { note, warning, unsafe };

/// One row; the fields are explained at the head of known-bad.toml.
struct KnownBad {
    std::string id;
    std::string title;
    std::string system = "linux";
    std::string vendor;
    std::vector<Platform> platforms;
    Severity verdict = Severity::unsafe;
    std::vector<std::string> from;
    std::vector<std::string> fixed;
    std::vector<std::string> unsure;
    std::string sure_until;
    std::vector<std::string> cause_subjects;
    std::vector<std::string> fix_subjects;
    unsigned min_vcpus = 0;
    std::string raise_if;
    Severity raised = Severity::unsafe;
    std::string cause;
    std::vector<std::string> ways_out;
    std::vector<std::string> sources;
};

/// The table, and what was wrong with files or rows ("FILE:LINE: cause"); bad rows are left out.
struct KnownBadTable {
    std::vector<KnownBad> rows;
    std::vector<std::string> errors;
};

/// Adds the rows of one TOML text; a row with a known id replaces it.
void add_known_bad(KnownBadTable& table, std::string_view toml, std::string_view file);

/// The installed table (or the copy built into the program, if it is not there), and then
/// /etc/libresume/known-bad.d/*.toml of the running machine in C order.
KnownBadTable load_known_bad(const std::filesystem::path& installed,
                             const std::filesystem::path& directory);

/// The table as it was when the program was built.
std::string_view built_in_known_bad();

/// affected/safe: known. unknown: in the range, and nothing tells whether the fix is there.
/// not_judged: the row is about upstream versions and this kernel's is not known.
enum class Exposure { safe, affected, unknown, not_judged };

struct Judgement {
    Exposure exposure = Exposure::safe;
    std::string reason;
};

/// What else is known about the guest. `changelog` is that of the kernel's package, empty if there
/// is none; `vcpus` 0 = not known.
struct GuestFacts {
    Platform platform = Platform::unknown;
    unsigned vcpus = 0;
    std::string changelog{};
};

Judgement judge(const KnownBad& row, const Kernel& kernel, const GuestFacts& guest);

}  // namespace resume::agent::doctor
