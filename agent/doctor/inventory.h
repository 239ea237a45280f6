// What this guest has: the facts that software in it took for granted when it started, and that a
// restore or a migration may change under it. Taken at start and before announced cycles, compared
// after every cycle.
#pragma once

#include <stdint.h>

#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "agent/doctor/platform.h"
#include "agent/doctor/root.h"

namespace resume::agent::doctor {

/// What the loss of an item means.
enum class Class {
    required,       ///< running software may depend on it: the cycle's report is degraded
    expected,       ///< should come back as it was; worth a line and a look
    informational,  ///< changes without harm
};

/// How two values of an item compare.
enum class Compare {
    exact,     ///< any other value is a loss
    at_least,  ///< numbers: a smaller one is a loss, a larger one a gain
    at_most,   ///< numbers: a larger one is a loss
    presence,  ///< only whether it is there
};

struct Item {
    std::string id;  ///< dotted words, e.g. "cpu.feature.avx2", "disk.xvda.size"
    Class importance = Class::informational;
    Compare compare = Compare::exact;
    std::string value;
};

struct Inventory {
    std::vector<Item> items;  ///< sorted by id, each id once
};

const char* name_of(Class importance);
const char* name_of(Compare compare);

/// Reads everything through the two seams. CPU features come from CPUID itself: the kernel's own
/// list is that of its boot and does not change with the host.
Inventory take_inventory(const Root& root, const Cpuid& cpuid);

/// CPU, hypervisor, devices, memory: the parts of take_inventory.
void add_cpu(std::vector<Item>& items, const Root& root, const Cpuid& cpuid);
void add_hypervisor(std::vector<Item>& items, const Root& root, const Cpuid& cpuid);
void add_devices(std::vector<Item>& items, const Root& root);
void add_memory(std::vector<Item>& items, const Root& root);

/// One JSON object, schema "inventory-1".
std::string to_json(const Inventory& inventory);

/// The reverse; on bad text `error` says what is wrong ("PLACE: cause") and the result is empty.
/// Text from a file is untrusted: at most 65,536 items, ids of at most 128 bytes.
Inventory parse_inventory(std::string_view text, std::string_view file, std::string& error);

struct Difference {
    enum class Kind { lost, gained, changed };
    Kind kind = Kind::changed;
    std::string id;
    Class importance = Class::informational;
    std::string was;
    std::string now;
    bool waived = false;
};

struct Comparison {
    std::vector<Difference> differences;  ///< by class, then id; nothing is left out
    bool degraded = false;                ///< a required item was lost or changed and not waived
};

/// `waive` has exact ids: a waiver is for this very item and no other.
Comparison compare(const Inventory& before, const Inventory& after,
                   const std::set<std::string>& waive);

/// A line a difference: "required lost cpu.feature.avx2 (was 1)", with ", waived" where it is.
std::string to_text(const Comparison& comparison);
std::string to_json(const Comparison& comparison);

/// 0 when nothing required or expected was lost (or all of it was waived), else 1.
int exit_code(const Comparison& comparison);

}  // namespace resume::agent::doctor
