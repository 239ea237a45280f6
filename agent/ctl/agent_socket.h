// The other end of the agent's socket: one call, its reply, or why there is none.
#pragma once

#include <optional>
#include <string>

#include <nlohmann/json.hpp>

#include "agent/base/unique_fd.h"

namespace resume::agent {

struct AgentReply {
    int exit_code = 0;  ///< exit_codes.h
    std::string problem{};
    nlohmann::json parameters{};
    [[nodiscard]] bool ok() const noexcept { return exit_code == 0; }
};

class AgentSocket {
  public:
    /// Connects; state() tells why not.
    explicit AgentSocket(const std::string& path);

    /// Waits at most `timeout_s` for the reply. An error of the interface is a finding (1), refused
    /// permission 77.
    AgentReply call(const std::string& method, const nlohmann::json& parameters,
                    unsigned timeout_s);
    /// Sends a call that has many replies; then receive() each.
    int send(const std::string& method, const nlohmann::json& parameters, bool more);
    AgentReply receive(unsigned timeout_s);
    /// The first of two that has something to receive; null when neither has in time.
    static AgentSocket* first_to_speak(AgentSocket& one, AgentSocket& other, unsigned timeout_s);

  private:
    UniqueFd fd_{};
    int error_ = 0;
    std::string path_;
    std::string inbox_{};
};

inline constexpr const char* kAgentSocket = "/run/libresume/agent.sock";

}  // namespace resume::agent
