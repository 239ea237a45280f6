// xenstored as a test has it: a script on the other end of the guest's wire.
#pragma once

#include <gtest/gtest.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <xen/io/xs_wire.h>

#include <array>
#include <string>
#include <vector>

#include "agent/base/unique_fd.h"

namespace resume::agent {

/// The other end of the wire: sends what it is told, whatever was asked.
class Daemon {
  public:
    Daemon() {
        ::signal(SIGPIPE, SIG_IGN);  // as the agent does
        std::array<int, 2> ends{};
        EXPECT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()), 0);
        guest = UniqueFd{ends[0]};
        mine = UniqueFd{ends[1]};
    }
    void say(uint32_t type, uint32_t id, const std::string& body, int claimed = -1) const {
        xsd_sockmsg header{};
        header.type = type;
        header.req_id = id;
        header.len =
            claimed < 0 ? static_cast<uint32_t>(body.size()) : static_cast<uint32_t>(claimed);
        ASSERT_EQ(::write(mine.get(), &header, sizeof header), static_cast<ssize_t>(sizeof header));
        ASSERT_EQ(::write(mine.get(), body.data(), body.size()), static_cast<ssize_t>(body.size()));
    }
    /// Types of the requests that have come in.
    [[nodiscard]] std::vector<uint32_t> asked() const {
        std::vector<uint32_t> types;
        xsd_sockmsg header{};
        while (::recv(mine.get(), &header, sizeof header, MSG_DONTWAIT) ==
               static_cast<ssize_t>(sizeof header)) {
            types.push_back(header.type);
            std::string body(header.len, '\0');
            EXPECT_EQ(::recv(mine.get(), body.data(), body.size(), 0),
                      static_cast<ssize_t>(body.size()));
        }
        return types;
    }
    UniqueFd guest, mine;
};

}  // namespace resume::agent
