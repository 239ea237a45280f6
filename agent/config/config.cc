#include "agent/config/config.h"

#include <algorithm>
#include <filesystem>
#include <iomanip>
#include <sstream>

#include <toml++/toml.h>

#include "agent/base/toml_text.h"

namespace resume::agent {

namespace {

constexpr size_t kMostText = 256UL * 1024;

bool one_of(std::string_view words, std::string_view word) {
    while (!words.empty()) {
        const size_t bar = words.find('|');
        if (words.substr(0, bar) == word) {
            return true;
        }
        words.remove_prefix(bar == std::string_view::npos ? words.size() : bar + 1);
    }
    return false;
}

std::string choices(const char* words) {
    std::string text = "must be one of ";
    for (const char* c = words; *c != '\0'; ++c) {
        text += *c == '|' ? std::string{", "} : std::string{*c};
    }
    return text;
}

/// Stores `node` where a key wants it. Returns why not, empty when it did.
struct Setter {
    const ConfigKey& key;
    const toml::node& node;
    Config& config;

    std::string operator()(bool Config::*member) const {
        const auto value = node.value_exact<bool>();
        if (!value) {
            return "must be true or false";
        }
        config.*member = *value;
        return {};
    }
    std::string operator()(int64_t Config::*member) const {
        const auto value = node.value_exact<int64_t>();
        if (!value || *value < key.least || *value > key.most) {
            return "must be a whole number from " + std::to_string(key.least) + " to " +
                   std::to_string(key.most);
        }
        config.*member = *value;
        return {};
    }
    std::string operator()(std::string Config::*member) const {
        const auto value = node.value_exact<std::string>();
        if (!value) {
            return "must be a string";
        }
        if (*key.words != '\0' && !one_of(key.words, *value)) {
            return choices(key.words);
        }
        config.*member = *value;
        return {};
    }
    std::string operator()(std::vector<std::string> Config::*member) const {
        const auto* array = node.as_array();
        std::vector<std::string> list;
        if (array == nullptr) {
            return "must be a list of strings";
        }
        for (const auto& element : *array) {
            const auto value = element.value_exact<std::string>();
            if (!value) {
                return "must be a list of strings";
            }
            if (*key.words != '\0' && !one_of(key.words, *value)) {
                return "\"" + *value + "\": " + choices(key.words);
            }
            list.push_back(*value);
        }
        config.*member = std::move(list);
        return {};
    }
};

class Applier {
  public:
    Applier(const std::string& file, LoadedConfig& loaded) : file_{file}, loaded_{loaded} {}

    void apply(const toml::table& table, const std::string& prefix) {
        for (const auto& [name, node] : table) {
            const std::string path = prefix + std::string{name.str()};
            if (const auto* inner = node.as_table(); inner != nullptr) {
                apply_table(*inner, path);
                continue;
            }
            const auto& keys = config_keys();
            const auto key = std::find_if(keys.begin(), keys.end(), [&](const ConfigKey& k) {
                return std::string{k.table} + "." + k.name == path;
            });
            if (key == keys.end()) {
                problem(node, path, "no such key", false);
                continue;
            }
            const auto cause = std::visit(Setter{*key, node, loaded_.config}, key->member);
            if (!cause.empty()) {
                problem(node, path, cause, true);
            }
        }
    }

    void problem(const toml::node& node, std::string key, std::string cause, bool fatal) {
        loaded_.problems.push_back({.file = file_,
                                    .line = node.source().begin.line,
                                    .key = std::move(key),
                                    .cause = std::move(cause),
                                    .fatal = fatal});
    }

  private:
    void apply_table(const toml::table& inner, const std::string& path) {
        const auto& keys = config_keys();
        const bool known = std::any_of(keys.begin(), keys.end(), [&](const ConfigKey& k) {
            return (std::string{k.table} + ".").starts_with(path + ".");
        });
        if (!known) {
            problem(inner, path, "no such table", false);
            return;
        }
        apply(inner, path + ".");
    }

    const std::string& file_;
    LoadedConfig& loaded_;
};

/// As a basic string. toml++'s own writer is left out of the build for its size.
std::string quoted(const std::string& text) {
    std::ostringstream out;
    out << '"' << std::hex << std::setfill('0');
    for (const char c : text) {
        const auto byte = static_cast<unsigned char>(c);
        if (byte < 0x20 || byte == 0x7f) {
            out << "\\u" << std::setw(4) << unsigned{byte};
        } else {
            out << (c == '"' || c == '\\' ? "\\" : "") << c;
        }
    }
    out << '"';
    return out.str();
}

struct Printer {
    const Config& config;
    std::string operator()(bool Config::*member) const { return config.*member ? "true" : "false"; }
    std::string operator()(int64_t Config::*member) const { return std::to_string(config.*member); }
    std::string operator()(std::string Config::*member) const { return quoted(config.*member); }
    std::string operator()(std::vector<std::string> Config::*member) const {
        std::string out = "[";
        for (const auto& element : config.*member) {
            out += (out.size() > 1 ? ", " : "") + quoted(element);
        }
        return out + "]";
    }
};

}  // namespace

std::string ConfigProblem::text() const {
    std::string out = file;
    if (line != 0) {
        out += ":" + std::to_string(line);
    }
    return out + ": " + (key.empty() ? "" : key + ": ") + cause;
}

bool LoadedConfig::fatal() const noexcept {
    return std::any_of(problems.begin(), problems.end(), [](const auto& p) { return p.fatal; });
}

void apply_config(std::string_view text, const std::string& file, LoadedConfig& loaded) {
    loaded.files.push_back(file);
    if (text.size() >= kMostText) {
        loaded.problems.push_back({.file = file, .cause = "larger than 256 KiB"});
        return;
    }
    if (const auto line = line_of_bare_non_ascii(text)) {
        loaded.problems.push_back({.file = file,
                                   .line = *line,
                                   .cause = "a character that is not ASCII stands outside quotes"});
        return;
    }
    const toml::parse_result result = toml::parse(text, file);
    if (!result) {
        const auto& error = result.error();
        loaded.problems.push_back({.file = file,
                                   .line = error.source().begin.line,
                                   .cause = std::string{error.description()}});
        return;
    }
    Applier{file, loaded}.apply(result.table(), "");
}

LoadedConfig load_config(const Root& root, const std::string& path) {
    LoadedConfig loaded;
    std::vector<std::string> files;
    if (::access(root(path).c_str(), F_OK) == 0) {
        files.push_back(root(path));
    }
    std::error_code error;
    std::vector<std::string> drop_ins;
    for (const auto& entry : std::filesystem::directory_iterator{root(path + ".d"), error}) {
        if (entry.path().extension() == ".toml") {
            drop_ins.push_back(entry.path().string());
        }
    }
    std::sort(drop_ins.begin(), drop_ins.end());
    files.insert(files.end(), drop_ins.begin(), drop_ins.end());
    for (const auto& file : files) {
        const auto text = read_file(file, kMostText);
        if (!text) {
            loaded.problems.push_back({.file = file, .cause = explain("cannot be read", errno)});
            continue;
        }
        apply_config(*text, file, loaded);
    }
    return loaded;
}

std::string dump_config(const Config& config) {
    std::string out;
    std::string_view table;
    for (const ConfigKey& key : config_keys()) {
        if (table != key.table) {
            out += std::string{out.empty() ? "" : "\n"} + "[" + key.table + "]\n";
            table = key.table;
        }
        out += std::string{"# "} + key.meaning;
        if (*key.words != '\0') {
            out += std::string{" ("} + key.words + ")";
        }
        out +=
            std::string{"\n"} + key.name + " = " + std::visit(Printer{config}, key.member) + "\n";
    }
    return out;
}

}  // namespace resume::agent
