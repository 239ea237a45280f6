#include "agent/observe/netlink.h"

#include <gtest/gtest.h>
#include <linux/if_link.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <string.h>

namespace resume::agent {
namespace {

std::vector<std::byte> new_link(const std::string& name, uint32_t event) {
    std::vector<std::byte> bytes(512);
    auto* header = reinterpret_cast<nlmsghdr*>(bytes.data());
    size_t at = NLMSG_LENGTH(sizeof(ifinfomsg));
    const auto add = [&](unsigned short type, const void* data, size_t size) {
        auto* attribute = reinterpret_cast<rtattr*>(bytes.data() + at);
        attribute->rta_type = type;
        attribute->rta_len = static_cast<unsigned short>(RTA_LENGTH(size));
        memcpy(RTA_DATA(attribute), data, size);
        at += RTA_SPACE(size);
    };
    add(IFLA_IFNAME, name.c_str(), name.size() + 1);
    add(IFLA_EVENT, &event, sizeof event);
    header->nlmsg_type = RTM_NEWLINK;
    header->nlmsg_len = static_cast<uint32_t>(at);
    bytes.resize(at);
    return bytes;
}

TEST(Netlink, NamesTheLinkThatNotifiesItsPeers) {
    EXPECT_EQ(links_notifying_peers(new_link("eth0", IFLA_EVENT_NOTIFY_PEERS)),
              std::vector<std::string>{"eth0"});
}

TEST(Netlink, OtherEventsOfALinkAreNone) {
    EXPECT_TRUE(links_notifying_peers(new_link("eth0", IFLA_EVENT_IGMP_RESEND)).empty());
}

TEST(Netlink, EveryCutMessageIsSurvived) {
    const auto whole = new_link("eth0", IFLA_EVENT_NOTIFY_PEERS);
    for (size_t size = 0; size < whole.size(); ++size) {
        EXPECT_TRUE(links_notifying_peers(std::span{whole}.first(size)).empty()) << size;
    }
}

TEST(Netlink, SeesTheGenerationsUevent) {
    const auto bytes = [](const std::string& text) {
        return std::as_bytes(std::span{text.data(), text.size()});
    };
    const std::string event{"change@/devices/x\0ACTION=change\0NEW_VMGENID=1\0SEQNUM=7", 53};
    const std::string other{"change@/devices/x\0ACTION=change\0NEW_VMGENID=10\0", 47};
    EXPECT_TRUE(is_new_generation(bytes(event)));
    EXPECT_FALSE(is_new_generation(bytes(other)));
}

}  // namespace
}  // namespace resume::agent
