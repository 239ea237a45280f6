// As much of the D-Bus wire protocol as one client of logind needs: calls with strings, replies
// with a descriptor, signals with a boolean. No library, so that a static agent has it too.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "agent/base/unique_fd.h"

namespace resume::agent {

struct DbusMessage {
    uint8_t type = 0;  ///< 1 call, 2 reply, 3 error, 4 signal
    uint32_t serial = 0;
    uint32_t reply_serial = 0;
    std::string interface {};
    std::string member{};
    std::string error{};
    std::string signature{};
    std::string body{};
};

inline constexpr uint32_t kMostDbusBytes = 128 * 1024;

/// A method call with strings as arguments.
std::string dbus_call(uint32_t serial, std::string_view destination, std::string_view path,
                      std::string_view interface, std::string_view member,
                      const std::vector<std::string>& arguments);

/// How long the message at the start of `bytes` is; 0: not enough of it yet; nullopt: no message of
/// ours (big endian, another version, too long).
std::optional<size_t> dbus_length(std::string_view bytes);
/// A whole message; nullopt when its header breaks the format.
std::optional<DbusMessage> parse_dbus(std::string_view bytes);

class DbusClient {
  public:
    /// Connects, says who we are, and Hello. `problem()` is empty when all of it went well.
    explicit DbusClient(const std::string& socket_path);

    [[nodiscard]] int fd() const noexcept { return fd_.get(); }
    [[nodiscard]] const std::string& problem() const noexcept { return problem_; }

    /// Calls and waits at most a second for the reply; signals that come meanwhile are kept.
    /// `passed` receives the descriptor of a reply that has one.
    std::optional<DbusMessage> call(std::string_view destination, std::string_view path,
                                    std::string_view interface, std::string_view member,
                                    const std::vector<std::string>& arguments,
                                    UniqueFd* passed = nullptr);
    /// The next signal, if one is there.
    std::optional<DbusMessage> next_signal();

  private:
    bool authenticate();
    bool send(std::string_view bytes);
    /// Appends what comes within `wait_ms`; false when the bus is gone or nothing came.
    bool receive(int wait_ms, UniqueFd* passed);
    std::optional<DbusMessage> take();
    void fail(const std::string& what);

    UniqueFd fd_{};
    std::string problem_{};
    std::string inbox_{};
    std::vector<DbusMessage> signals_{};
    uint32_t serial_ = 0;
};

}  // namespace resume::agent
