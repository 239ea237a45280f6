// Two netlink families that need no privilege: rtnetlink's NOTIFY_PEERS, which virtio-net and
// netfront send when they come up elsewhere (and announce-self too: no proof of a migration), and
// kernel uevents, by which newer kernels tell of a changed VM generation.
#pragma once

#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <string.h>

#include <cstddef>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "agent/base/unique_fd.h"
#include "agent/observe/source.h"

namespace resume::agent {

/// A T at `at`, copied since datagrams promise no alignment; false when it does not fit.
template <class T>
bool take(std::span<const std::byte> bytes, size_t at, T& value) {
    if (at > bytes.size() || bytes.size() - at < sizeof(T)) {
        return false;
    }
    memcpy(&value, bytes.data() + at, sizeof(T));
    return true;
}

/// Calls `visit` for each message of a datagram (header, and what is behind it), and for each
/// attribute of a message from `at` on. What does not parse ends the walk.
void for_each_message(
    std::span<const std::byte> datagram,
    const std::function<void(const nlmsghdr&, std::span<const std::byte>)>& visit);
void for_each_attribute(
    std::span<const std::byte> message, size_t at,
    const std::function<void(unsigned type, std::span<const std::byte>)>& visit);
/// An attribute that is a C string.
std::string text_of(std::span<const std::byte> attribute);

/// The names of links whose peers the kernel is about to notify, in one datagram of rtnetlink.
/// Bounded by the datagram; what does not parse is skipped.
std::vector<std::string> links_notifying_peers(std::span<const std::byte> datagram);

/// True for the uevent of the vmgenid driver ("NEW_VMGENID=1", Linux 6.8 and later).
bool is_new_generation(std::span<const std::byte> datagram);

class NetlinkSocket {
  public:
    enum class Family { links, uevents };
    explicit NetlinkSocket(Family family);

    [[nodiscard]] int fd() const noexcept { return fd_.get(); }
    [[nodiscard]] SourceState state() const;
    /// The next datagram from the kernel (others' are dropped), empty when there is none for now.
    /// `lost` is set when the socket's buffer overflowed.
    std::span<const std::byte> next(bool& lost);

  private:
    Family family_;
    UniqueFd fd_{};
    int error_ = 0;
    std::vector<std::byte> buffer_{};
};

}  // namespace resume::agent
