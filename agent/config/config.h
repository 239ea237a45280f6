// agent.toml: what the agent does to a machine, and what it leaves alone until asked. One table of
// keys is parser, checker, dump and documentation; agent.toml(5) is tested against it.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "agent/base/files.h"

namespace resume::agent {

struct Config {
    bool trace_devices = true;
    int64_t trace_buffer_kib = 4096;
    std::string rtc_poll = "off";

    std::string clock_mode = "report";
    bool clock_backward = false;
    int64_t clock_most_s = int64_t{7} * 24 * 3600;
    std::vector<std::string> announce_links{};
    std::string disk_probe = "passive";
    std::vector<std::string> freeze_mounts{};
    int64_t freeze_ttl_s = 10;
    bool reseed = true;
    bool hooks = true;

    std::vector<std::string> request_accept{};
    int64_t request_ttl_s = 60;
    std::vector<std::string> waive{};

    std::string state_dir = "/var/lib/libresume";
    std::string run_dir = "/run/libresume";
    std::string metrics_dir{};
    int64_t log_kib = 4096;
    bool journal = true;
    bool store = true;
    std::string log_level = "info";
};

/// One key of the file.
struct ConfigKey {
    using Member = std::variant<bool Config::*, int64_t Config::*, std::string Config::*,
                                std::vector<std::string> Config::*>;
    const char* table;
    const char* name;
    Member member;
    /// For a string or a list: the words allowed, separated by '|'; empty: any.
    const char* words;
    int64_t least, most;  ///< for a number
    const char* meaning;
};

/// Every key that exists, in the order of the dump.
std::vector<ConfigKey> const& config_keys();

/// What is wrong with a file, as a person needs it: "FILE:LINE: table.key: cause".
struct ConfigProblem {
    std::string file{};
    uint32_t line = 0;
    std::string key{};
    std::string cause{};
    bool fatal = true;  ///< false: an unknown key, which only a check refuses
    [[nodiscard]] std::string text() const;
};

struct LoadedConfig {
    Config config{};
    std::vector<ConfigProblem> problems{};
    std::vector<std::string> files{};  ///< those that were read, in order
    [[nodiscard]] bool fatal() const noexcept;
};

/// Applies one file's text over `loaded`. At most 256 KiB of it are read.
void apply_config(std::string_view text, const std::string& file, LoadedConfig& loaded);

/// `path` and then `path`.d/*.toml in C order; a missing main file means the defaults.
LoadedConfig load_config(const Root& root, const std::string& path);

/// The whole configuration as a file, each key with its meaning.
std::string dump_config(const Config& config);

}  // namespace resume::agent
