#include "agent/act/announce.h"

#include <gtest/gtest.h>
#include <linux/if.h>
#include <linux/if_arp.h>
#include <linux/if_link.h>
#include <sys/socket.h>

#include <string.h>

#include "agent/act/coordinator.h"
#include "agent/observe/netlink.h"
#include "temp_root.h"

namespace resume::agent {
namespace {

constexpr MacAddress kMac{0x52, 0x54, 0, 0x12, 0x34, 0x56};
LinkAddress v4() {
    return {.bytes = {10, 0, 2, 15}};
}

TEST(Announcement, AnArpRequestForOnesOwnAddress) {
    const auto packet = arp_announcement(kMac, v4());
    EXPECT_EQ(packet,
              (std::vector<uint8_t>{0,  1, 8, 0,  6, 4, 0, 1, 0x52, 0x54, 0,  0x12, 0x34, 0x56,
                                    10, 0, 2, 15, 0, 0, 0, 0, 0,    0,    10, 0,    2,    15}));
}

TEST(Announcement, ANeighbourAdvertisementHasAGoodChecksum) {
    LinkAddress address{.v6 = true, .bytes = {0xfe, 0x80, 0, 0, 0, 0, 0, 0, 0x50, 0x54}};
    for (const bool router : {false, true}) {
        const auto packet = neighbour_advertisement(kMac, address, router);
        ASSERT_EQ(packet.size(), 72u);
        EXPECT_EQ(packet[40], 136);
        EXPECT_EQ(packet[44], router ? 0xa0 : 0x20);
        // The sum over pseudo-header and message, checksum included, is all ones.
        uint32_t sum = 32 + 58;
        for (size_t i = 8; i < packet.size(); i += 2) {
            sum += static_cast<uint32_t>(packet[i] << 8 | packet[i + 1]);
        }
        while (sum > 0xffff) {
            sum = (sum & 0xffff) + (sum >> 16);
        }
        EXPECT_EQ(sum, 0xffffu);
    }
}

/// One message of a dump, as the kernel would write it.
class Message {
  public:
    template <class Body>
    Message(uint16_t type, const Body& body) : bytes_(NLMSG_HDRLEN + NLMSG_ALIGN(sizeof body)) {
        memcpy(bytes_.data() + NLMSG_HDRLEN, &body, sizeof body);
        header_.nlmsg_type = type;
    }
    Message& with(uint16_t type, const void* data, size_t size) {
        const rtattr attribute{static_cast<uint16_t>(RTA_LENGTH(size)), type};
        const size_t at = bytes_.size();
        bytes_.resize(at + RTA_SPACE(size));
        memcpy(bytes_.data() + at, &attribute, sizeof attribute);
        memcpy(bytes_.data() + at + RTA_LENGTH(0), data, size);
        return *this;
    }
    std::span<const std::byte> bytes() {
        header_.nlmsg_len = static_cast<uint32_t>(bytes_.size());
        memcpy(bytes_.data(), &header_, sizeof header_);
        return bytes_;
    }

  private:
    nlmsghdr header_{};
    std::vector<std::byte> bytes_;
};

std::map<unsigned, LinkFacts> one_link(unsigned flags = IFF_UP | IFF_RUNNING,
                                       const MacAddress& mac = kMac) {
    std::map<unsigned, LinkFacts> links;
    ifinfomsg info{};
    info.ifi_type = ARPHRD_ETHER;
    info.ifi_index = 2;
    info.ifi_flags = flags;
    add_link_facts(Message{RTM_NEWLINK, info}
                       .with(IFLA_IFNAME, "eth0", 5)
                       .with(IFLA_ADDRESS, mac.data(), mac.size())
                       .bytes(),
                   links);
    return links;
}

void add_v4(std::map<unsigned, LinkFacts>& links, uint8_t prefix, uint32_t flags) {
    ifaddrmsg info{};
    info.ifa_family = AF_INET;
    info.ifa_prefixlen = prefix;
    info.ifa_index = 2;
    const std::array<uint8_t, 4> address{10, 0, 2, 15};
    add_link_facts(Message{RTM_NEWADDR, info}
                       .with(IFA_LOCAL, address.data(), address.size())
                       .with(IFA_FLAGS, &flags, sizeof flags)
                       .bytes(),
                   links);
}

TEST(LinkFacts, OnlyPrimaryAddressesCount) {
    auto links = one_link();
    ASSERT_EQ(links.size(), 1u);
    EXPECT_NE(reason_not_to_announce(links[2]), "");
    add_v4(links, 24, IFA_F_SECONDARY);
    add_v4(links, 32, IFA_F_PERMANENT);  // as VRRP adds them
    EXPECT_TRUE(links[2].addresses.empty());
    add_v4(links, 24, IFA_F_PERMANENT);
    ASSERT_EQ(links[2].addresses.size(), 1u);
    EXPECT_EQ(links[2].addresses[0].bytes, v4().bytes);
    EXPECT_EQ(reason_not_to_announce(links[2]), "");
}

TEST(LinkFacts, BridgesAndVirtualRoutersAreNotOurs) {
    auto links = one_link(IFF_UP);
    add_v4(links, 24, 0);
    EXPECT_NE(reason_not_to_announce(links[2]).find("carrier"), std::string::npos);
    links = one_link(IFF_UP | IFF_RUNNING, {0, 0, 0x5e, 0, 1, 7});
    add_v4(links, 24, 0);
    EXPECT_NE(reason_not_to_announce(links[2]).find("virtual router"), std::string::npos);
    links = one_link();
    add_v4(links, 24, 0);
    links[2].enslaved = true;
    EXPECT_NE(reason_not_to_announce(links[2]).find("bridge"), std::string::npos);
}

TEST(LinkFacts, ATornDumpIsNoHarm) {
    std::map<unsigned, LinkFacts> links = one_link();
    ifaddrmsg info{};
    info.ifa_family = AF_INET;
    info.ifa_index = 2;
    Message message{RTM_NEWADDR, info};
    const auto bytes = message.with(IFA_LOCAL, "\1\2\3\4", 4).bytes();
    for (size_t size = 0; size < bytes.size(); ++size) {
        add_link_facts(bytes.first(size), links);
    }
    EXPECT_TRUE(links[2].addresses.empty());
}

class AnnounceTest : public ::testing::Test {
  protected:
    void SetUp() override { coordinator.add(participant); }
    void TearDown() override { coordinator.detach(); }
    void resumed() {
        oracle::CycleReport report;
        report.kind = "xen-suspend";
        report.outcome = "resumed";
        report.changed = changed;
        coordinator.deliver(report);
        coordinator.run_delivered();
    }
    std::string said() {
        const auto& checks = coordinator.cycle().report.checks;
        return checks.empty() ? ""
                              : checks[0].status + " " + checks[0].id + ": " + checks[0].detail;
    }

    TempRoot t;
    EventLoop loop;
    Config config;
    Coordinator coordinator{loop, t.root("/announced")};
    int sent = 0;
    int error = 0;
    std::vector<oracle::ReportChange> changed{};
    AnnounceParticipant participant{
        coordinator.cycle(),
        loop,
        config,
        t.root,
        {.links =
             [](auto& links) {
                 links = one_link();
                 add_v4(links, 24, 0);
                 return 0;
             },
         .send =
             [this](const LinkFacts&, bool, const std::vector<uint8_t>&) {
                 ++sent;
                 return error;
             }}};
};

TEST_F(AnnounceTest, NothingIsSentForALinkThatIsNotListed) {
    resumed();
    EXPECT_EQ(sent, 0);
    EXPECT_EQ(said(), "");
}

TEST_F(AnnounceTest, AListedLinkIsAnnouncedThrice) {
    config.announce_links = {"eth0"};
    resumed();
    EXPECT_EQ(sent, 3);
    EXPECT_EQ(said(), "ok announce:eth0: 1 addresses announced");
}

TEST_F(AnnounceTest, ACopyKeepsQuiet) {
    config.announce_links = {"eth0"};
    changed = {{"vm generation", "old", "new"}};
    resumed();
    EXPECT_EQ(sent, 0);
}

TEST_F(AnnounceTest, WhatIsMissingIsSaid) {
    config.announce_links = {"eth1"};
    resumed();
    EXPECT_EQ(said(), "warning announce:eth1: not announced: there is no such link");
    config.announce_links = {"eth0"};
    error = EPERM;
    resumed();
    EXPECT_NE(said().find("CAP_NET_RAW"), std::string::npos);
}

}  // namespace
}  // namespace resume::agent
