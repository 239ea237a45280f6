#include "tests/stress/program/tree_file.h"

#include <toml++/toml.h>

#include <fstream>
#include <sstream>
#include <stdexcept>

#include "agent/base/toml_text.h"
#include "tests/stress/campaign/plan.h"

namespace resume::stress {

namespace {

constexpr size_t kMostText = size_t{64} * 1024;

class Reader {
  public:
    Reader(const std::string& file, model::GuestKind guest) : guest_{guest} { tree_.file = file; }

    DeviceTree read(const toml::table& table) {
        for (const auto& [key, node] : table) {
            if (key == "guest") {
                read_guest(node);
            } else if (key == "settled" && node.is_table()) {
                read_settled(*node.as_table());
            } else if (key == "device" && node.is_array_of_tables()) {
                for (const toml::node& device : *node.as_array()) {
                    read_device(*device.as_table());
                }
            } else {
                fail(node, "unknown: '" + std::string{key.str()} +
                               "'; known: guest, [settled], [[device]]");
            }
        }
        return std::move(tree_);
    }

  private:
    [[noreturn]] void fail(const toml::node& node, const std::string& cause) const {
        fail(node.source().begin.line, cause);
    }
    [[noreturn]] void fail(uint32_t line, const std::string& cause) const {
        throw std::runtime_error{tree_.file + ":" + std::to_string(line) + ": " + cause};
    }

    void read_guest(const toml::node& node) const {
        const auto name = node.value<std::string>();
        if (name != std::string{name_of(guest_)}) {
            fail(node, "this tree is one of a " + name.value_or("(not a text)") +
                           " guest, and --guest says " + name_of(guest_));
        }
    }

    void read_settled(const toml::table& table) {
        LifePlan plan;
        for (const auto& [key, node] : table) {
            const std::string name{key.str()};
            const auto number = node.value_exact<int64_t>();
            const auto yes = node.value_exact<bool>();
            const int64_t value = number ? *number : yes.value_or(false) ? 1 : 0;
            if ((!number && !yes) || value < 0 || value > UINT32_MAX ||
                !set_by_name(plan, name, static_cast<uint32_t>(value))) {
                fail(node, "a plan has no '" + name + "' that could be this");
            }
            tree_.settled[name] = static_cast<uint32_t>(value);
        }
    }

    void read_device(const toml::table& table) {
        OwnDevice device;
        for (const auto& [key, node] : table) {
            if (key == "name" || key == "parent") {
                text(node, key == "name" ? device.name : device.parent);
            } else if (key == "suspend_ms" || key == "resume_ms") {
                milliseconds(node, key == "suspend_ms" ? device.suspend_ms : device.resume_ms);
            } else {
                fail(node, "a device has no '" + std::string{key.str()} +
                               "'; known: name, parent, suspend_ms, resume_ms");
            }
        }
        if (const auto problem = add_checked(tree_.devices, device)) {
            fail(table, *problem);
        }
    }

    void text(const toml::node& node, std::string& out) const {
        const auto value = node.value_exact<std::string>();
        if (!value) {
            fail(node, "not a text");
        }
        out = *value;
    }

    void milliseconds(const toml::node& node, uint32_t& out) const {
        const auto value = node.value_exact<int64_t>();
        if (!value || *value < 0 || *value > kMostDeviceMs) {
            fail(node, "not a number of milliseconds from 0 to " + std::to_string(kMostDeviceMs));
        }
        out = static_cast<uint32_t>(*value);
    }

    model::GuestKind guest_;
    DeviceTree tree_;
};

}  // namespace

DeviceTree read_tree(const std::string& file, model::GuestKind guest) {
    std::ifstream in{file};
    std::ostringstream text;
    text << in.rdbuf();
    if (!in || text.view().size() > kMostText) {
        throw std::runtime_error{file + ": " + (in ? "larger than 64 KiB" : "cannot be read")};
    }
    if (const auto line = agent::line_of_bare_non_ascii(text.view())) {
        throw std::runtime_error{file + ":" + std::to_string(*line) +
                                 ": a character that is not ASCII stands outside quotes"};
    }
    const toml::parse_result parsed = toml::parse(text.view(), file);
    if (!parsed) {
        throw std::runtime_error{file + ":" + std::to_string(parsed.error().source().begin.line) +
                                 ": " + std::string{parsed.error().description()}};
    }
    return Reader{file, guest}.read(parsed.table());
}

}  // namespace resume::stress
