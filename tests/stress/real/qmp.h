// QEMU's control socket (QEMU's docs/interop/qmp-spec): commands in turn; events are passed over.
#pragma once

#include <chrono>
#include <nlohmann/json.hpp>
#include <stdexcept>
#include <string>

#include "agent/base/unique_fd.h"

namespace resume::stress::real {

/// QEMU does not answer, breaks the protocol, or refuses: one line with the socket and the cause.
class QmpError : public std::runtime_error {
  public:
    using std::runtime_error::runtime_error;
};

class Qmp {
  public:
    /// Waits so long for somebody who listens there, and for each answer. Throws QmpError.
    Qmp(std::string socket, std::chrono::milliseconds patience);

    /// The command's return value. Throws QmpError, also with QEMU's own words.
    nlohmann::json call(const std::string& command,
                        const nlohmann::json& arguments = nlohmann::json::object());
    /// As query-status has it: "running", "paused", "postmigrate", ...
    std::string status();

  private:
    void connect();
    /// One message, whole.
    nlohmann::json read();
    [[noreturn]] void fail(const std::string& cause) const;

    std::string socket_;
    std::chrono::milliseconds patience_;
    agent::UniqueFd fd_;
    std::string text_;  ///< that came and is not read yet
};

}  // namespace resume::stress::real
