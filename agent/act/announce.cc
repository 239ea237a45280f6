#include "agent/act/announce.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <sys/socket.h>

#include <algorithm>
#include <iterator>

#include "agent/base/unique_fd.h"

namespace resume::agent {

namespace {

template <size_t N>
void append(std::vector<uint8_t>& packet, const std::array<uint8_t, N>& bytes, size_t count = N) {
    std::copy_n(bytes.begin(), count, std::back_inserter(packet));
}

constexpr std::array<uint8_t, 16> kAllNodes{0xff, 0x02, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1};

/// The sum of 16-bit words; `size` is even.
uint32_t sum_of(const uint8_t* bytes, size_t size) {
    uint32_t sum = 0;
    for (size_t i = 0; i < size; i += 2) {
        sum += static_cast<uint32_t>(bytes[i] << 8 | bytes[i + 1]);
    }
    return sum;
}

/// RFC 8200, 8.1: over the pseudo-header and the message, whose checksum field is 0.
uint16_t checksum(const LinkAddress& from, const std::vector<uint8_t>& message) {
    uint32_t sum = sum_of(from.bytes.data(), from.bytes.size()) +
                   sum_of(kAllNodes.data(), kAllNodes.size()) +
                   static_cast<uint32_t>(message.size()) + IPPROTO_ICMPV6 +
                   sum_of(message.data(), message.size());
    sum = (sum & 0xffff) + (sum >> 16);
    sum = (sum & 0xffff) + (sum >> 16);
    return static_cast<uint16_t>(~sum);
}

}  // namespace

std::vector<uint8_t> arp_announcement(const MacAddress& mac, const LinkAddress& address) {
    // Ethernet, IPv4, their lengths, request.
    std::vector<uint8_t> packet{0, 1, 8, 0, 6, 4, 0, 1};
    append(packet, mac);
    append(packet, address.bytes, 4);
    append(packet, MacAddress{});
    append(packet, address.bytes, 4);
    return packet;
}

std::vector<uint8_t> neighbour_advertisement(const MacAddress& mac, const LinkAddress& address,
                                             bool router) {
    constexpr uint8_t kAdvertisement = 136, kRouter = 0x80, kOverride = 0x20, kTargetMac = 2;
    const auto flags = static_cast<uint8_t>(kOverride | (router ? kRouter : 0));
    std::vector<uint8_t> message{kAdvertisement, 0, 0, 0, flags, 0, 0, 0};
    append(message, address.bytes);
    append(message, std::array<uint8_t, 2>{kTargetMac, 1});
    append(message, mac);
    const uint16_t sum = checksum(address, message);
    message[2] = static_cast<uint8_t>(sum >> 8);
    message[3] = static_cast<uint8_t>(sum & 0xff);
    // Version 6, payload length, next header, hop limit 255.
    std::vector<uint8_t> packet{0x60,           0,  0, 0, 0, static_cast<uint8_t>(message.size()),
                                IPPROTO_ICMPV6, 255};
    append(packet, address.bytes);
    append(packet, kAllNodes);
    std::copy(message.begin(), message.end(), std::back_inserter(packet));
    return packet;
}

AnnounceParticipant::AnnounceParticipant(Cycle& cycle, EventLoop& loop, const Config& config,
                                         const Root& root, Means means)
    : Participant{cycle, "links", Pace::quick},
      loop_{loop},
      config_{config},
      root_{root},
      means_{std::move(means)} {}

bool AnnounceParticipant::wanted() noexcept {
    const auto& report = cycle().report;
    return !config_.announce_links.empty() && report.outcome == "resumed" &&
           report.kind != "pm-test";
}

void AnnounceParticipant::after(Outcome, Done done) {
    if (!wanted()) {
        done(Errc::none);
        return;
    }
    const auto& changed = cycle().report.changed;
    if (std::any_of(changed.begin(), changed.end(),
                    [](const auto& change) { return change.what == "vm generation"; })) {
        add_check("announce", "ok", "left out: this guest is a copy, the original may be there");
        done(Errc::none);
        return;
    }
    std::map<unsigned, LinkFacts> all;
    if (const int error = means_.links(all); error != 0) {
        add_check("announce", "failed", explain("cannot list the links", error));
        done(Errc::none);
        return;
    }
    std::vector<LinkFacts> links;
    for (const auto& name : config_.announce_links) {
        const auto found = std::find_if(all.begin(), all.end(),
                                        [&](const auto& link) { return link.second.name == name; });
        const std::string why =
            found == all.end() ? "there is no such link" : reason_not_to_announce(found->second);
        if (why.empty()) {
            links.push_back(found->second);
        } else {
            add_check("announce:" + name, "warning", "not announced: " + why);
        }
    }
    round(links, 1, done);
}

std::pair<size_t, int> AnnounceParticipant::announce(const LinkFacts& link) const {
    const bool router =
        read_number(root_("/proc/sys/net/ipv6/conf/" + link.name + "/forwarding")) == 1;
    std::pair<size_t, int> sent{0, 0};
    for (const auto& address : link.addresses) {
        const auto packet = address.v6 ? neighbour_advertisement(link.mac, address, router)
                                       : arp_announcement(link.mac, address);
        const int error = means_.send(link, address.v6, packet);
        sent.first += error == 0 ? 1 : 0;
        sent.second = sent.second == 0 ? error : sent.second;
    }
    return sent;
}

void AnnounceParticipant::round(const std::vector<LinkFacts>& links, int number, const Done& done) {
    for (const auto& link : links) {
        const auto [count, error] = announce(link);
        if (number != kRounds) {
            continue;
        }
        const std::string what = "announce:" + link.name;
        if (error == EPERM || error == EAFNOSUPPORT) {
            add_check(what, "failed", "not allowed: see resume-agent.service on CAP_NET_RAW");
        } else if (error != 0) {
            add_check(what, "failed", explain("cannot send", error));
        } else {
            add_check(what, "ok", std::to_string(count) + " addresses announced");
        }
    }
    if (number == kRounds || links.empty()) {
        done(Errc::none);
        return;
    }
    loop_.after(kBetween, [this, links, number, done] { round(links, number + 1, done); });
}

int send_packet(const LinkFacts& link, bool v6, const std::vector<uint8_t>& packet) {
    const UniqueFd fd{::socket(AF_PACKET, SOCK_DGRAM | SOCK_CLOEXEC, 0)};
    if (!fd.valid()) {
        return errno;
    }
    constexpr std::array<uint8_t, 6> kEveryone{0xff, 0xff, 0xff, 0xff, 0xff, 0xff};
    constexpr std::array<uint8_t, 6> kAllNodesMac{0x33, 0x33, 0, 0, 0, 1};
    sockaddr_ll to{};
    to.sll_family = AF_PACKET;
    to.sll_protocol = htons(v6 ? ETH_P_IPV6 : ETH_P_ARP);
    to.sll_ifindex = static_cast<int>(link.index);
    to.sll_halen = 6;
    const auto& destination = v6 ? kAllNodesMac : kEveryone;
    std::copy(destination.begin(), destination.end(), to.sll_addr);
    const ssize_t sent = ::sendto(fd.get(), packet.data(), packet.size(), 0,
                                  reinterpret_cast<const sockaddr*>(&to), sizeof to);
    return sent == static_cast<ssize_t>(packet.size()) ? 0 : errno;
}

}  // namespace resume::agent
