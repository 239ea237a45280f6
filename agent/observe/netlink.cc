#include "agent/observe/netlink.h"

#include <errno.h>
#include <linux/if_link.h>
#include <sys/socket.h>

#include <string_view>

#include "agent/base/files.h"

namespace resume::agent {

namespace {

std::string link_notifying_peers(std::span<const std::byte> message) {
    std::string name;
    uint32_t event = 0;
    for_each_attribute(message, NLMSG_ALIGN(sizeof(ifinfomsg)), [&](unsigned type, auto body) {
        if (type == IFLA_IFNAME) {
            name = text_of(body);
        } else if (type == IFLA_EVENT) {
            take(body, 0, event);
        }
    });
    return event == IFLA_EVENT_NOTIFY_PEERS ? name : std::string{};
}

}  // namespace

void for_each_message(
    std::span<const std::byte> datagram,
    const std::function<void(const nlmsghdr&, std::span<const std::byte>)>& visit) {
    size_t at = 0;
    nlmsghdr header{};
    while (take(datagram, at, header) && header.nlmsg_len >= sizeof header &&
           header.nlmsg_len <= datagram.size() - at) {
        visit(header, datagram.subspan(at + NLMSG_HDRLEN, header.nlmsg_len - NLMSG_HDRLEN));
        at += NLMSG_ALIGN(header.nlmsg_len);
    }
}

void for_each_attribute(
    std::span<const std::byte> message, size_t at,
    const std::function<void(unsigned type, std::span<const std::byte>)>& visit) {
    rtattr attribute{};
    while (take(message, at, attribute) && attribute.rta_len >= sizeof attribute &&
           attribute.rta_len <= message.size() - at) {
        visit(attribute.rta_type,
              message.subspan(at + sizeof attribute, attribute.rta_len - sizeof attribute));
        at += RTA_ALIGN(attribute.rta_len);
    }
}

std::string text_of(std::span<const std::byte> attribute) {
    const std::string_view text{reinterpret_cast<const char*>(attribute.data()), attribute.size()};
    return std::string{text.substr(0, text.find('\0'))};
}

std::vector<std::string> links_notifying_peers(std::span<const std::byte> datagram) {
    std::vector<std::string> links;
    for_each_message(datagram, [&](const nlmsghdr& header, auto message) {
        auto name = header.nlmsg_type == RTM_NEWLINK ? link_notifying_peers(message) : "";
        if (!name.empty()) {
            links.push_back(std::move(name));
        }
    });
    return links;
}

bool is_new_generation(std::span<const std::byte> datagram) {
    const std::string_view text{reinterpret_cast<const char*>(datagram.data()), datagram.size()};
    constexpr std::string_view kMark{"\0NEW_VMGENID=1", 14};
    const size_t at = text.find(kMark);
    return at != std::string_view::npos &&
           (at + kMark.size() == text.size() || text[at + kMark.size()] == '\0');
}

NetlinkSocket::NetlinkSocket(Family family) : family_{family}, buffer_(16UL * 1024) {
    const bool links = family == Family::links;
    fd_ = UniqueFd{::socket(AF_NETLINK, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC,
                            links ? NETLINK_ROUTE : NETLINK_KOBJECT_UEVENT)};
    sockaddr_nl address{};
    address.nl_family = AF_NETLINK;
    address.nl_groups = links ? RTMGRP_LINK : 1;
    if (!fd_.valid() ||
        ::bind(fd_.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
        error_ = errno;
        fd_.reset();
    }
}

SourceState NetlinkSocket::state() const {
    const bool links = family_ == Family::links;
    return {.name = links ? "rtnetlink" : "uevent",
            .available = error_ == 0,
            .detail = error_ != 0 ? explain("netlink socket", error_)
                      : links     ? "links that notify their peers"
                                  : "the generation's event (Linux 6.8 and later)"};
}

std::span<const std::byte> NetlinkSocket::next(bool& lost) {
    for (;;) {
        sockaddr_nl from{};
        socklen_t length = sizeof from;
        const ssize_t count = ::recvfrom(fd_.get(), buffer_.data(), buffer_.size(), 0,
                                         reinterpret_cast<sockaddr*>(&from), &length);
        if (count < 0 && errno == ENOBUFS) {
            lost = true;
            continue;
        }
        if (count < 0 && errno == EINTR) {
            continue;
        }
        if (count <= 0) {
            return {};
        }
        // Only the kernel sends with port 0.
        if (from.nl_pid == 0) {
            return std::span{buffer_}.first(static_cast<size_t>(count));
        }
    }
}

}  // namespace resume::agent
