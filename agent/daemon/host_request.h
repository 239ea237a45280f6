// What a host writes into data/resume/request.
#pragma once

#include <string>
#include <string_view>

namespace resume::agent {

struct HostRequest {
    enum class Verb { none, prepare, release };
    Verb verb = Verb::none;
    std::string id{};    ///< the host's own, at most 64 bytes
    std::string kind{};  ///< one of ours; empty for release
    unsigned ttl_s = 0;
};

/// "prepare ID KIND TTL_S" or "release ID". The verb is none when it is neither; the id is there as
/// far as it could be told, for the answer.
HostRequest parse_host_request(std::string_view text);

}  // namespace resume::agent
