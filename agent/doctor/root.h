// Where the doctor's facts come from: a directory that stands for "/". The running machine, the
// mounted root of an image, a process's own view (/proc/PID/root), or a fixture in a test.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace resume::agent::doctor {

/// A file's content, or why it could not be read (errno).
struct Text {
    std::string text;
    int error = 0;
    bool cut = false;  ///< there was more than the limit
    explicit operator bool() const { return error == 0; }
};

class Root {
  public:
    /// The running machine.
    static Root live() { return Root{"/", true}; }
    /// A mounted image: no /proc, no /sys, so only what lies on disk is judged.
    static Root image(std::filesystem::path directory) { return Root{std::move(directory), false}; }
    /// A directory that plays a running machine, with its /proc and /sys.
    static Root fixture(std::filesystem::path directory) {
        return Root{std::move(directory), true};
    }
    /// What a process sees below its own root; symlinks are followed as that process would.
    [[nodiscard]] Root within(std::string_view path) const;

    [[nodiscard]] bool is_live() const { return live_; }
    /// Where `path` (absolute, in this root) lies on this machine, all links followed and none
    /// leaving the root; nothing when it leads nowhere or through more than 40 links.
    [[nodiscard]] std::optional<std::filesystem::path> resolve(std::string_view path) const;
    [[nodiscard]] bool exists(std::string_view path) const { return resolve(path).has_value(); }
    /// At most `limit` bytes; /proc and /sys files included.
    [[nodiscard]] Text read(std::string_view path, size_t limit = 1 << 20) const;
    /// The first line without its newline; empty when unreadable.
    [[nodiscard]] std::string line(std::string_view path) const;
    [[nodiscard]] std::optional<long long> number(std::string_view path) const;
    /// Names in a directory, sorted, at most 65,536; empty when there is none.
    [[nodiscard]] std::vector<std::string> list(std::string_view path) const;
    /// What a symlink says, unfollowed (also the kernel's magic links in /proc/PID/fd).
    [[nodiscard]] std::optional<std::string> link(std::string_view path) const;

  private:
    Root(std::filesystem::path prefix, bool live) : prefix_{std::move(prefix)}, live_{live} {}

    std::filesystem::path prefix_;
    bool live_;
};

/// The text between spaces, tabs and newlines.
std::vector<std::string> words(std::string_view text);
/// The lines of a text, without their newlines.
std::vector<std::string> lines(std::string_view text);
std::string_view trim(std::string_view text);

}  // namespace resume::agent::doctor
