// Two netlink families that need no privilege: rtnetlink's NOTIFY_PEERS, which virtio-net and
// netfront send when they come up elsewhere (and announce-self too: no proof of a migration), and
// kernel uevents, by which newer kernels tell of a changed VM generation.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <vector>

#include "agent/base/unique_fd.h"
#include "agent/observe/source.h"

namespace resume::agent {

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
