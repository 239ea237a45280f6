// Small files of /proc, /sys and our own folders. Everything is bounded and says why it failed.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace resume::agent {

/// Where the system's files are: "" on a real guest, a folder in tests.
struct Root {
    std::string prefix{};
    [[nodiscard]] std::string operator()(std::string_view path) const {
        return prefix + std::string{path};
    }
};

/// A file's text, at most `limit` bytes of it; nullopt with errno when it cannot be read.
std::optional<std::string> read_file(const std::string& path, size_t limit = 64UL * 1024);
/// The same without white space at either end.
std::optional<std::string> read_line(const std::string& path, size_t limit = 4096);
/// A decimal number in a file; nullopt when there is none.
std::optional<int64_t> read_number(const std::string& path);

/// One write(2) into an existing file (sysfs, tracefs). Returns 0 or an errno.
int write_existing(const std::string& path, std::string_view text);
/// Whole or not at all: temporary file beside it, fsync, rename, fsync of the folder. Returns 0 or
/// an errno.
int replace_file(const std::string& path, std::string_view text, unsigned mode = 0644);
/// As mkdir -p. Returns 0 or an errno.
int make_folders(const std::string& path, unsigned mode = 0755);

/// "cause: what the system says of `error`".
std::string explain(std::string_view cause, int error);

std::string_view trim(std::string_view text) noexcept;
/// A whole decimal number; nullopt when anything else stands in `text`.
std::optional<int64_t> parse_number(std::string_view text) noexcept;

}  // namespace resume::agent
