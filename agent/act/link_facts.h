// The guest's links and their addresses, as rtnetlink dumps them: which of them are its own to
// announce.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <vector>

namespace resume::agent {

using MacAddress = std::array<uint8_t, 6>;

struct LinkAddress {
    bool v6 = false;
    std::array<uint8_t, 16> bytes{};  ///< the first four for IPv4
};

struct LinkFacts {
    unsigned index = 0;
    std::string name{};
    std::string kind{};  ///< "bridge", "macvlan", ...; empty for hardware and what poses as it
    MacAddress mac{};
    bool ethernet = false;
    bool running = false;  ///< up, with a carrier
    bool enslaved = false;
    /// Primary ones that are in use: none that is secondary, temporary, tentative, or a host route
    /// (what VRRP adds).
    std::vector<LinkAddress> addresses{};
};

/// By index. Takes one datagram of an RTM_GETLINK or RTM_GETADDR dump; links first.
void add_link_facts(std::span<const std::byte> datagram, std::map<unsigned, LinkFacts>& links);

/// Both dumps, from the kernel. Returns 0 or an errno.
int read_link_facts(std::map<unsigned, LinkFacts>& links);

/// Why this link must not be announced; empty when it may.
std::string reason_not_to_announce(const LinkFacts& link);

}  // namespace resume::agent
