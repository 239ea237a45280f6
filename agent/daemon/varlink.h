// The varlink wire, as much of it as the agent's socket needs: JSON objects that end in a zero
// byte. Input is bounded before it is parsed.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include <nlohmann/json.hpp>

namespace resume::agent {

struct VarlinkCall {
    std::string method{};
    nlohmann::json parameters = nlohmann::json::object();
    bool more = false;
    bool oneway = false;
};

inline constexpr size_t kMostVarlinkBytes = 64UL * 1024;

/// nullopt when `text` is no call: no object, no method, parameters of another type, or nested
/// deeper than anything of ours.
std::optional<VarlinkCall> parse_call(std::string_view text);

std::string varlink_reply(const nlohmann::json& parameters, bool continues = false);
std::string varlink_error(std::string_view name, const nlohmann::json& parameters = {});

}  // namespace resume::agent
