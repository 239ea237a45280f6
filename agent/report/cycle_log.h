// cycles.jsonl: one report a line. It never grows past its bound, and a crash in mid-write costs at
// most the line that was being written. What is pushed out goes to one older file of the same
// bound, without its devices: a cycle of a small guest is 140 KiB with them and 2 KiB without.
#pragma once

#include <cstddef>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace resume::agent {

class CycleLog {
  public:
    /// `limit` bytes a file; a line longer than a fourth of it is refused (EFBIG).
    CycleLog(std::string folder, size_t limit);

    /// On disk when it returns 0; otherwise an errno.
    int append(std::string_view line);

    [[nodiscard]] std::string path() const { return folder_ + "/cycles.jsonl"; }
    [[nodiscard]] std::string old_path() const { return path() + ".1"; }

  private:
    /// Moves all reports to the older file, and the oldest of them out of it.
    int push_out();

    std::string folder_;
    size_t limit_;
};

/// The report without its devices, marked "cut"; as it is when it has none.
std::string without_devices(std::string_view line);

/// Calls `visit` for each whole line of a file, oldest first, reading at most `limit` bytes from
/// its end. Lines that do not start with '{' are skipped. Returns 0 or an errno.
int for_each_report(const std::string& path, size_t limit,
                    const std::function<void(std::string_view line)>& visit);

}  // namespace resume::agent
