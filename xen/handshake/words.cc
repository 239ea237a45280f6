#include "xen/handshake/words.h"

namespace resume {
inline namespace v0 {
namespace {

struct Row {
    const char* name;
    const char* feature;
};
constexpr Row kRows[kShutdownWordCount] = {
    {"?", nullptr},
    {"poweroff", "control/feature-poweroff"},
    {"reboot", "control/feature-reboot"},
    {"halt", nullptr},
    {"suspend", "control/feature-suspend"},
};

bool equal(const char* name, const char* value, uint32_t size) noexcept {
    uint32_t i = 0;
    for (; i < size && name[i] != '\0'; ++i) {
        if (name[i] != value[i]) {
            return false;
        }
    }
    return i == size && name[i] == '\0';
}

const Row& row(ShutdownWord word) noexcept {
    const auto index = static_cast<uint8_t>(word);
    return kRows[index < kShutdownWordCount ? index : 0];
}

}  // namespace

ShutdownWord parse_shutdown_word(const char* value, uint32_t size) noexcept {
    for (uint8_t i = 1; i < kShutdownWordCount; ++i) {
        if (equal(kRows[i].name, value, size)) {
            return static_cast<ShutdownWord>(i);
        }
    }
    return ShutdownWord::none;
}

const char* name_of(ShutdownWord word) noexcept {
    return row(word).name;
}

const char* feature_node(ShutdownWord word) noexcept {
    return row(word).feature;
}

}  // namespace v0
}  // namespace resume
