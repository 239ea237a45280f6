#include "agent/doctor/inventory.h"

#include <algorithm>
#include <charconv>
#include <map>
#include <optional>

#include <nlohmann/json.hpp>

namespace resume::agent::doctor {
namespace {

using nlohmann::json;

constexpr size_t kItemsMax = 65536;
constexpr size_t kIdMax = 128;
constexpr size_t kValueMax = 4096;
constexpr Class kClasses[] = {Class::required, Class::expected, Class::informational};
constexpr Compare kCompares[] = {Compare::exact, Compare::at_least, Compare::at_most,
                                 Compare::presence};

std::optional<long long> number(const std::string& text) {
    long long value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    return error == std::errc{} && end == text.data() + text.size() ? std::optional{value}
                                                                    : std::nullopt;
}

void sort_by_id(std::vector<Item>& items) {
    std::stable_sort(items.begin(), items.end(),
                     [](const Item& left, const Item& right) { return left.id < right.id; });
    items.erase(
        std::unique(items.begin(), items.end(),
                    [](const Item& left, const Item& right) { return left.id == right.id; }),
        items.end());
}

// What the change of an item's value means; nothing when it means nothing.
std::optional<Difference::Kind> change_of(const Item& was, const Item& now) {
    if (was.compare == Compare::presence || was.value == now.value) {
        return std::nullopt;
    }
    if (was.id.rfind("xenbus.", 0) == 0 && now.value == "Connected") {
        return Difference::Kind::gained;  // it was still on its way when we looked first
    }
    const auto before = number(was.value);
    const auto after = number(now.value);
    const bool ordered = before && after && was.compare != Compare::exact;
    if (!ordered) {
        return Difference::Kind::changed;
    }
    const bool less = *after < *before;
    return less == (was.compare == Compare::at_least) ? Difference::Kind::changed
                                                      : Difference::Kind::gained;
}

const char* word_of(Difference::Kind kind) {
    switch (kind) {
        case Difference::Kind::lost:
            return "lost";
        case Difference::Kind::gained:
            return "gained";
        case Difference::Kind::changed:
            return "changed";
    }
    return "?";
}

template <class Enum, size_t N>
std::optional<Enum> from_name(const Enum (&values)[N], const std::string& word) {
    for (const Enum value : values) {
        if (word == name_of(value)) {
            return value;
        }
    }
    return std::nullopt;
}

// Returns what is wrong with the item; empty when it was taken.
std::string take_item(const json& from, std::vector<Item>& items) {
    if (!from.is_object()) {
        return "an item is not an object";
    }
    for (const char* key : {"id", "class", "compare", "value"}) {
        if (!from.contains(key) || !from[key].is_string()) {
            return std::string{"an item has no string \""} + key + "\"";
        }
    }
    Item item;
    item.id = from["id"].get<std::string>();
    item.value = from["value"].get<std::string>();
    if (item.id.empty() || item.id.size() > kIdMax || item.value.size() > kValueMax) {
        return "an id or a value is too long";
    }
    const auto importance = from_name(kClasses, from["class"].get<std::string>());
    const auto compare = from_name(kCompares, from["compare"].get<std::string>());
    if (!importance || !compare) {
        return "unknown class or comparison of " + item.id;
    }
    item.importance = *importance;
    item.compare = *compare;
    items.push_back(std::move(item));
    return {};
}

void sort_by_class(std::vector<Difference>& differences) {
    std::stable_sort(differences.begin(), differences.end(),
                     [](const Difference& left, const Difference& right) {
                         return left.importance != right.importance
                                    ? left.importance < right.importance
                                    : left.id < right.id;
                     });
}

/// Of a link's item: "eth0" of "link.eth0.address". A link's name may have dots itself.
std::string link_of(const std::string& id) {
    constexpr std::string_view kPrefix = "link.";
    const size_t dot = id.rfind('.');
    return id.rfind(kPrefix, 0) == 0 && dot > kPrefix.size()
               ? id.substr(kPrefix.size(), dot - kPrefix.size())
               : std::string{};
}

/// The links of an inventory by their address, where it is that of one alone.
std::map<std::string, std::string> links_by_address(const Inventory& inventory) {
    constexpr std::string_view kSuffix = ".address";
    std::map<std::string, std::string> links;
    std::set<std::string> shared;
    for (const Item& item : inventory.items) {
        const std::string link = link_of(item.id);
        const bool address = !link.empty() && std::string_view{item.id}.ends_with(kSuffix);
        if (address && !links.emplace(item.value, link).second) {
            shared.insert(item.value);
        }
    }
    std::erase_if(links, [&](const auto& each) { return shared.count(each.first) > 0; });
    return links;
}

/// Old name to new: no host does that, it is the guest's own udev, at boot and late at times.
std::map<std::string, std::string> renamed_links(const Inventory& before, const Inventory& after) {
    const auto now = links_by_address(after);
    std::map<std::string, std::string> renamed;
    for (const auto& [address, link] : links_by_address(before)) {
        const auto found = now.find(address);
        if (found != now.end() && found->second != link) {
            renamed.emplace(link, found->second);
        }
    }
    return renamed;
}

}  // namespace

const char* name_of(Class importance) {
    switch (importance) {
        case Class::required:
            return "required";
        case Class::expected:
            return "expected";
        case Class::informational:
            return "informational";
    }
    return "?";
}

const char* name_of(Compare compare) {
    switch (compare) {
        case Compare::exact:
            return "exact";
        case Compare::at_least:
            return "at-least";
        case Compare::at_most:
            return "at-most";
        case Compare::presence:
            return "presence";
    }
    return "?";
}

Inventory take_inventory(const Root& root, const Cpuid& cpuid) {
    Inventory inventory;
    add_cpu(inventory.items, root, cpuid);
    add_hypervisor(inventory.items, root, cpuid);
    add_devices(inventory.items, root);
    add_memory(inventory.items, root);
    sort_by_id(inventory.items);
    return inventory;
}

std::string to_json(const Inventory& inventory) {
    json items = json::array();
    for (const Item& item : inventory.items) {
        items.push_back({{"id", item.id},
                         {"class", name_of(item.importance)},
                         {"compare", name_of(item.compare)},
                         {"value", item.value}});
    }
    return json{{"schema", "inventory-1"}, {"items", items}}.dump(-1, ' ', false,
                                                                  json::error_handler_t::replace);
}

Inventory parse_inventory(std::string_view text, std::string_view file, std::string& error) {
    Inventory inventory;
    const std::string place = std::string{file} + ": ";
    json whole;
    try {
        whole = json::parse(text);
    } catch (const json::parse_error& wrong) {
        error = place + "byte " + std::to_string(wrong.byte) + ": not JSON";
        return {};
    } catch (const json::out_of_range&) {
        error = place + "a number is too large";
        return {};
    }
    if (!whole.is_object() || whole.value("schema", json{}) != "inventory-1" ||
        !whole.contains("items") || !whole["items"].is_array()) {
        error = place + "not an inventory (schema inventory-1)";
        return {};
    }
    if (whole["items"].size() > kItemsMax) {
        error = place + "more than " + std::to_string(kItemsMax) + " items";
        return {};
    }
    for (const json& item : whole["items"]) {
        if (const std::string wrong = take_item(item, inventory.items); !wrong.empty()) {
            error = place + wrong;
            return {};
        }
    }
    sort_by_id(inventory.items);
    return inventory;
}

Comparison compare(const Inventory& before, const Inventory& after,
                   const std::set<std::string>& waive) {
    std::map<std::string, const Item*> now;
    for (const Item& item : after.items) {
        now[item.id] = &item;
    }
    Comparison result;
    const auto add = [&](Difference::Kind kind, const Item& item, std::string was,
                         std::string value) {
        const bool gained = kind == Difference::Kind::gained;
        result.differences.push_back({.kind = kind,
                                      .id = item.id,
                                      .importance = gained ? Class::informational : item.importance,
                                      .was = std::move(was),
                                      .now = std::move(value),
                                      .waived = !gained && waive.count(item.id) > 0});
    };
    const auto renamed = renamed_links(before, after);
    for (const auto& [was, name] : renamed) {
        add(Difference::Kind::changed, {"link." + was + ".name", Class::informational, {}, {}}, was,
            name);
    }
    for (const Item& item : before.items) {
        const auto other = renamed.find(link_of(item.id));
        const auto found = now.find(
            other == renamed.end() ? item.id
                                   : "link." + other->second + item.id.substr(item.id.rfind('.')));
        if (found == now.end()) {
            add(Difference::Kind::lost, item, item.value, "");
            continue;
        }
        if (const auto kind = change_of(item, *found->second)) {
            add(*kind, item, item.value, found->second->value);
        }
        now.erase(found);
    }
    for (const auto& [id, item] : now) {
        add(Difference::Kind::gained, *item, "", item->value);
    }
    sort_by_class(result.differences);
    result.degraded = std::any_of(
        result.differences.begin(), result.differences.end(), [](const Difference& difference) {
            return difference.importance == Class::required && !difference.waived;
        });
    return result;
}

std::string to_text(const Comparison& comparison) {
    std::string text;
    for (const Difference& difference : comparison.differences) {
        text += std::string{name_of(difference.importance)} + " " + word_of(difference.kind) + " " +
                difference.id;
        if (difference.was.empty() != difference.now.empty()) {
            text += difference.was.empty() ? " (now " + difference.now + ")"
                                           : " (was " + difference.was + ")";
        } else if (!difference.was.empty()) {
            text += " (was " + difference.was + ", now " + difference.now + ")";
        }
        text += difference.waived ? ", waived\n" : "\n";
    }
    return text + (comparison.degraded ? "degraded\n" : "not degraded\n");
}

std::string to_json(const Comparison& comparison) {
    json differences = json::array();
    for (const Difference& difference : comparison.differences) {
        differences.push_back({{"id", difference.id},
                               {"change", word_of(difference.kind)},
                               {"class", name_of(difference.importance)},
                               {"was", difference.was},
                               {"now", difference.now},
                               {"waived", difference.waived}});
    }
    return json{{"schema", "inventory-diff-1"},
                {"degraded", comparison.degraded},
                {"differences", differences}}
        .dump(-1, ' ', false, json::error_handler_t::replace);
}

int exit_code(const Comparison& comparison) {
    return std::any_of(comparison.differences.begin(), comparison.differences.end(),
                       [](const Difference& difference) {
                           return difference.importance != Class::informational &&
                                  !difference.waived;
                       })
               ? 1
               : 0;
}

}  // namespace resume::agent::doctor
