// Entries in systemd's journal with fields of their own, by its datagram protocol (systemd's
// documentation, JOURNAL_NATIVE_PROTOCOL): no library is needed, and a system without a journal is
// no error.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "agent/base/unique_fd.h"

namespace resume::agent {

/// MESSAGE_ID of a finished cycle; see journalctl MESSAGE_ID=... and the message catalog.
inline constexpr std::string_view kCycleMessageId = "8d1c6f0e9a5b4b7e8f2d35a1c07e64b9";

class Journal {
  public:
    explicit Journal(std::string socket_path = "/run/systemd/journal/socket");

    using Fields = std::vector<std::pair<std::string, std::string>>;
    /// Names are upper case; values may hold anything. Returns 0 or an errno; never waits.
    int send(const Fields& fields);

    /// The datagram's bytes.
    static std::string encode(const Fields& fields);

  private:
    std::string path_;
    UniqueFd socket_{};
};

}  // namespace resume::agent
