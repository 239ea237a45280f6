#include "tests/mutants/equivalents.h"

#include <cstring>

namespace resume::mutants {
namespace {

/// `kinds` is a mask of CycleKind; `what` is the beginning of Mutation::what.
struct Row {
    const char* what;
    uint32_t kinds;
    const char* reason;
};

constexpr uint32_t of(CycleKind kind) {
    return 1U << static_cast<uint8_t>(kind);
}
constexpr uint32_t kAll = (1U << kCycleKindCount) - 1;

constexpr Row kRows[] = {
    {"none", kAll & ~kAll, of(CycleKind::checkpoint) != 0 ? "" : ""},
};

}  // namespace

const char* equivalent_because(model::GuestKind, CycleKind kind,
                               const Mutation& mutation) noexcept {
    for (const Row& row : kRows) {
        if ((row.kinds & of(kind)) != 0 &&
            std::strncmp(mutation.what.c_str(), row.what, std::strlen(row.what)) == 0) {
            return row.reason;
        }
    }
    return nullptr;
}

}  // namespace resume::mutants
