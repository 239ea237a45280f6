#include "agent/daemon/host_request.h"

#include <array>

#include "agent/base/files.h"
#include "agent/daemon/interface.h"

namespace resume::agent {

HostRequest parse_host_request(std::string_view text) {
    constexpr size_t kLongestId = 64;
    std::array<std::string_view, 5> words{};
    size_t count = 0;
    while (count < words.size()) {
        text.remove_prefix(std::min(text.find_first_not_of(" \n"), text.size()));
        if (text.empty()) {
            break;
        }
        words[count] = text.substr(0, text.find_first_of(" \n"));
        text.remove_prefix(words[count++].size());
    }
    HostRequest request{.id = std::string{words[1].substr(0, kLongestId)}};
    const auto ttl = parse_number(words[3]);
    if (words[0] == "release" && count == 2) {
        request.verb = HostRequest::Verb::release;
    } else if (words[0] == "prepare" && count == 4 && is_kind(words[2]) && ttl && *ttl >= 0) {
        request.verb = HostRequest::Verb::prepare;
        request.kind = words[2];
        request.ttl_s = static_cast<unsigned>(std::min<int64_t>(*ttl, 86'400));
    }
    return request;
}

}  // namespace resume::agent
