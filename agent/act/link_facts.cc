#include "agent/act/link_facts.h"

#include <errno.h>
#include <linux/if.h>
#include <linux/if_arp.h>
#include <linux/if_link.h>
#include <sys/socket.h>

#include <algorithm>

#include "agent/base/unique_fd.h"
#include "agent/observe/netlink.h"

namespace resume::agent {

namespace {

constexpr size_t kMostLinks = 1024, kMostAddresses = 64;

void add_link(std::span<const std::byte> message, std::map<unsigned, LinkFacts>& links) {
    ifinfomsg info{};
    if (!take(message, 0, info) || links.size() >= kMostLinks) {
        return;
    }
    LinkFacts link;
    link.index = static_cast<unsigned>(info.ifi_index);
    link.ethernet = info.ifi_type == ARPHRD_ETHER;
    link.running = (info.ifi_flags & IFF_UP) != 0 && (info.ifi_flags & IFF_RUNNING) != 0;
    for_each_attribute(message, NLMSG_ALIGN(sizeof info), [&](unsigned type, auto body) {
        if (type == IFLA_IFNAME) {
            link.name = text_of(body);
        } else if (type == IFLA_ADDRESS) {
            take(body, 0, link.mac);
        } else if (type == IFLA_MASTER) {
            link.enslaved = true;
        } else if (type == IFLA_LINKINFO) {
            for_each_attribute(body, 0, [&](unsigned inner, auto text) {
                link.kind = inner == IFLA_INFO_KIND ? text_of(text) : link.kind;
            });
        }
    });
    links[link.index] = std::move(link);
}

void add_address(std::span<const std::byte> message, std::map<unsigned, LinkFacts>& links) {
    ifaddrmsg info{};
    const auto link = take(message, 0, info) ? links.find(info.ifa_index) : links.end();
    if (link == links.end() || link->second.addresses.size() >= kMostAddresses ||
        (info.ifa_family != AF_INET && info.ifa_family != AF_INET6)) {
        return;
    }
    LinkAddress address{.v6 = info.ifa_family == AF_INET6};
    const size_t size = address.v6 ? 16 : 4;
    uint32_t flags = info.ifa_flags;
    bool found = false;
    bool local = false;  // IFA_LOCAL is our end, IFA_ADDRESS may be the peer's
    for_each_attribute(message, NLMSG_ALIGN(sizeof info), [&](unsigned type, auto body) {
        if ((type == IFA_LOCAL || (type == IFA_ADDRESS && !local)) && body.size() == size) {
            std::transform(body.begin(), body.end(), address.bytes.begin(),
                           [](std::byte byte) { return std::to_integer<uint8_t>(byte); });
            found = true;
            local = type == IFA_LOCAL;
        } else if (type == IFA_FLAGS) {
            take(body, 0, flags);
        }
    });
    constexpr uint32_t kNotOurs =
        IFA_F_SECONDARY | IFA_F_TENTATIVE | IFA_F_DADFAILED | IFA_F_DEPRECATED;
    if (found && (flags & kNotOurs) == 0 && info.ifa_prefixlen < size * 8) {
        link->second.addresses.push_back(address);
    }
}

/// One dump; `answers` calls add_link_facts for each datagram.
int dump(int fd, uint16_t type, std::map<unsigned, LinkFacts>& links) {
    struct {
        nlmsghdr header;
        rtgenmsg body;
    } request{};
    request.header.nlmsg_len = NLMSG_LENGTH(sizeof request.body);
    request.header.nlmsg_type = type;
    request.header.nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
    request.body.rtgen_family = AF_UNSPEC;
    if (::send(fd, &request, request.header.nlmsg_len, 0) < 0) {
        return errno;
    }
    std::vector<std::byte> buffer(64UL * 1024);
    for (bool over = false; !over;) {
        const ssize_t count = ::recv(fd, buffer.data(), buffer.size(), 0);
        if (count < 0 && errno != EINTR) {
            return errno;
        }
        const auto datagram = std::span{buffer}.first(count > 0 ? static_cast<size_t>(count) : 0);
        add_link_facts(datagram, links);
        for_each_message(datagram, [&](const nlmsghdr& header, auto) {
            over = over || header.nlmsg_type == NLMSG_DONE || header.nlmsg_type == NLMSG_ERROR;
        });
    }
    return 0;
}

}  // namespace

void add_link_facts(std::span<const std::byte> datagram, std::map<unsigned, LinkFacts>& links) {
    for_each_message(datagram, [&](const nlmsghdr& header, auto message) {
        if (header.nlmsg_type == RTM_NEWLINK) {
            add_link(message, links);
        } else if (header.nlmsg_type == RTM_NEWADDR) {
            add_address(message, links);
        }
    });
}

int read_link_facts(std::map<unsigned, LinkFacts>& links) {
    const UniqueFd fd{::socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE)};
    if (!fd.valid()) {
        return errno;
    }
    const int error = dump(fd.get(), RTM_GETLINK, links);
    return error != 0 ? error : dump(fd.get(), RTM_GETADDR, links);
}

std::string reason_not_to_announce(const LinkFacts& link) {
    // RFC 5798, 7.3: the addresses of virtual routers.
    constexpr std::array<uint8_t, 4> kVirtualRouter{0x00, 0x00, 0x5e, 0x00};
    if (!link.ethernet) {
        return "it is no Ethernet";
    }
    if (!link.running) {
        return "it is down, or has no carrier";
    }
    if (link.enslaved || link.kind == "bridge") {
        return "it is part of a bridge or a bond";
    }
    if (link.kind == "macvlan" || link.kind == "ipvlan" || link.kind == "vrrp" ||
        std::equal(kVirtualRouter.begin(), kVirtualRouter.end(), link.mac.begin())) {
        return "its address belongs to a virtual router or another host's";
    }
    return link.addresses.empty() ? "it has no primary address" : "";
}

}  // namespace resume::agent
