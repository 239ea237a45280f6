// Two inventory files from anywhere, a zero byte between them: what is read is written and read
// again as the same, and the comparison leaves nothing out and degrades for required items alone.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <set>
#include <string>
#include <string_view>

#include "agent/doctor/inventory.h"

namespace {

using namespace resume::agent::doctor;

void require(bool condition) {
    if (!condition) {
        __builtin_trap();
    }
}

Inventory read(std::string_view text) {
    std::string error;
    Inventory inventory = parse_inventory(text, "fuzz.json", error);
    require(error.empty() || (inventory.items.empty() && error.starts_with("fuzz.json: ")));
    std::string again;
    const Inventory copy = parse_inventory(to_json(inventory), "copy.json", again);
    require(again.empty() && compare(inventory, copy, {}).differences.empty() &&
            copy.items.size() == inventory.items.size());
    return inventory;
}

void check(const Inventory& before, const Inventory& after) {
    const Comparison plain = compare(before, after, {});
    std::set<std::string> losses;
    for (const Difference& difference : plain.differences) {
        require(!difference.waived);
        if (difference.importance == Class::required) {
            losses.insert(difference.id);
        }
    }
    require(plain.degraded == !losses.empty());
    require(!plain.degraded || exit_code(plain) == 1);
    const Comparison waived = compare(before, after, losses);
    require(!waived.degraded && waived.differences.size() == plain.differences.size());
    const std::string text = to_text(waived);
    require(static_cast<size_t>(std::count(text.begin(), text.end(), '\n')) >
            waived.differences.size());
    require(to_json(waived).find('\n') == std::string::npos);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    const std::string_view text{reinterpret_cast<const char*>(data), size};
    const size_t zero = text.find('\0');
    const Inventory before = read(text.substr(0, zero));
    const Inventory after = read(zero == text.npos ? std::string_view{} : text.substr(zero + 1));
    check(before, after);
    check(after, before);
    return 0;
}
