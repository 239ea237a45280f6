// agent.toml(5) against the parser's own table: each key stands there with its table, default and
// limits, and nothing that is no key does.
#include <gtest/gtest.h>

#include <fstream>
#include <map>
#include <sstream>

#include "agent/config/config.h"

namespace resume::agent {
namespace {

struct Entry {
    std::string value{};
    std::string text{};
};
using Entries = std::map<std::string, Entry>;  ///< by "table.name"

/// "name = value", with a manual page's way of writing quotes.
void open_entry(const std::string& table, std::string head, Entries& entries, Entry*& open) {
    const std::string quote = "\\(dq";
    for (size_t at = 0; (at = head.find(quote)) != std::string::npos;) {
        head.replace(at, quote.size(), "\"");
    }
    const size_t equals = head.find(" = ");
    ASSERT_NE(equals, std::string::npos) << head;
    const std::string id = table + "." + head.substr(0, equals);
    EXPECT_EQ(entries.count(id), 0U) << id << " stands there twice";
    open = &entries[id];
    open->value = head.substr(equals + 3);
}

Entries of_the_manual(std::istream& page) {
    Entries entries;
    Entry* open = nullptr;
    std::string table;
    bool head_follows = false;
    for (std::string line; std::getline(page, line);) {
        if (line.starts_with(".SH")) {
            table.clear();
        } else if (line.starts_with(".SS [")) {
            table = line.substr(5, line.size() - 6);
        } else if (!table.empty() && head_follows) {
            open_entry(table, line.substr(3), entries, open);
        } else if (open != nullptr) {
            open->text += " " + line;
        }
        head_follows = line == ".TP";
    }
    return entries;
}

/// The defaults, as --dump-config prints them.
std::map<std::string, std::string> defaults() {
    std::map<std::string, std::string> values;
    std::istringstream dump{dump_config(Config{})};
    std::string table;
    for (std::string line; std::getline(dump, line);) {
        const size_t equals = line.find(" = ");
        if (line.starts_with("[")) {
            table = line.substr(1, line.size() - 2);
        } else if (!line.starts_with("#") && equals != std::string::npos) {
            values[table + "." + line.substr(0, equals)] = line.substr(equals + 3);
        }
    }
    return values;
}

std::string limits_of(const ConfigKey& key) {
    if (std::holds_alternative<int64_t Config::*>(key.member)) {
        return "(" + std::to_string(key.least) + " to " + std::to_string(key.most) + ")";
    }
    std::string words = key.words;
    for (size_t at = 0; (at = words.find('|', at)) != std::string::npos;) {
        words.replace(at, 1, ", ");
    }
    return words.empty() ? "" : "(" + words + ")";
}

/// What is wrong between a page and the parser; empty when nothing is.
std::string differences(std::istream& page) {
    Entries entries = of_the_manual(page);
    const auto values = defaults();
    std::string wrong;
    for (const ConfigKey& key : config_keys()) {
        const std::string id = std::string{key.table} + "." + key.name;
        const auto found = entries.find(id);
        if (found == entries.end()) {
            wrong += id + " is missing\n";
            continue;
        }
        if (found->second.value != values.at(id)) {
            wrong += id + " has the default " + values.at(id) + "\n";
        }
        if (found->second.text.find(limits_of(key)) == std::string::npos) {
            wrong += id + " does not name " + limits_of(key) + "\n";
        }
        if (found->second.text.size() < 20) {
            wrong += id + " is not explained\n";
        }
        entries.erase(found);
    }
    for (const auto& [id, entry] : entries) {
        wrong += id + " is no key\n";
    }
    return wrong;
}

std::string manual() {
    std::ifstream file{RESUME_MANUAL};
    return {std::istreambuf_iterator<char>{file}, {}};
}

TEST(Manual, HasEachKeyOfTheParserAndNoOther) {
    std::istringstream page{manual()};
    EXPECT_EQ(differences(page), "");
}

TEST(Manual, AKeyThatIsMissingOrInventedOrChangedIsFound) {
    const auto after = [](const std::string& from, const std::string& to) {
        std::string text = manual();
        const size_t at = text.find(from);
        EXPECT_NE(at, std::string::npos) << from;
        std::istringstream page{text.replace(at, from.size(), to)};
        return differences(page);
    };
    EXPECT_EQ(after(".B backward = false", ".B sideways = false"),
              "act.clock.backward is missing\nact.clock.sideways is no key\n");
    EXPECT_EQ(after(".B ttl_s = 10", ".B ttl_s = 20"), "act.freeze.ttl_s has the default 10\n");
    EXPECT_EQ(after("(passive, read)", "(passive)"),
              "act.disk.probe does not name (passive, read)\n");
}

}  // namespace
}  // namespace resume::agent
