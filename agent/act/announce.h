// Listed links tell their neighbours where they are now: gratuitous ARP, and unsolicited neighbour
// advertisements. The kernel does it for netfront and virtio-net; this is for links it leaves out.
// Off until a link is listed; never for a copy, since the original may still be there.
#pragma once

#include <functional>
#include <vector>

#include "agent/act/link_facts.h"
#include "agent/act/participant.h"
#include "agent/base/event_loop.h"
#include "agent/base/files.h"
#include "agent/config/config.h"

namespace resume::agent {

/// What stands behind the Ethernet header: RFC 5227, 3 (a request for one's own address).
std::vector<uint8_t> arp_announcement(const MacAddress& mac, const LinkAddress& address);
/// RFC 4861, 7.2.6, as an IPv6 packet to all nodes. `router`: the guest forwards on this link; a
/// router that says it is none loses its neighbours' routes.
std::vector<uint8_t> neighbour_advertisement(const MacAddress& mac, const LinkAddress& address,
                                             bool router);

class AnnounceParticipant final : public Participant {
  public:
    struct Means {
        std::function<int(std::map<unsigned, LinkFacts>&)> links = read_link_facts;
        /// Sends one packet from a link; 0 or an errno.
        std::function<int(const LinkFacts&, bool v6, const std::vector<uint8_t>&)> send{};
    };
    AnnounceParticipant(Cycle& cycle, EventLoop& loop, const Config& config, const Root& root,
                        Means means);

    static constexpr int kRounds = 3;
    static constexpr std::chrono::milliseconds kBetween{100};

  protected:
    void after(Outcome outcome, Done done) override;

  private:
    [[nodiscard]] bool wanted() noexcept;
    /// How many packets went out of this link; the first errno, if any.
    std::pair<size_t, int> announce(const LinkFacts& link) const;
    void round(const std::vector<LinkFacts>& links, int number, const Done& done);

    EventLoop& loop_;
    const Config& config_;
    Root root_;
    Means means_;
};

/// Through a packet socket: needs CAP_NET_RAW.
int send_packet(const LinkFacts& link, bool v6, const std::vector<uint8_t>& packet);

}  // namespace resume::agent
