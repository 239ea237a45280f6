// agent.toml from anywhere: whatever the text, it is taken apart within bounds, every problem names
// its file, and what comes out can be dumped and read again.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "agent/config/config.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    using namespace resume::agent;
    LoadedConfig loaded;
    apply_config({reinterpret_cast<const char*>(data), size}, "fuzz.toml", loaded);
    for (const auto& problem : loaded.problems) {
        if (!problem.text().starts_with("fuzz.toml")) {
            __builtin_trap();
        }
    }
    LoadedConfig again;
    apply_config(dump_config(loaded.config), "dump.toml", again);
    if (!again.problems.empty()) {
        __builtin_trap();
    }
    return 0;
}
