// One connection to a real xenstored's Unix socket, by whole messages (xen/io/xs_wire.h). Never
// blocks but in open() and send(), which have limits.
#pragma once

#include <cstddef>
#include <optional>
#include <string>

#include "drivers/model/clock.h"
#include "drivers/model/store/message.h"

namespace resume::model {

class StoreSocket {
  public:
    explicit StoreSocket(std::string path) : path_{std::move(path)} {}
    ~StoreSocket() { close(); }
    StoreSocket(const StoreSocket&) = delete;
    StoreSocket& operator=(const StoreSocket&) = delete;

    /// Waits up to 10 s of real time where others stand at the door before us. Empty when it is
    /// connected now, else why it is not: the socket's path and the system's word.
    std::string open();
    void close();
    [[nodiscard]] bool is_open() const { return fd_ >= 0; }
    [[nodiscard]] int fd() const { return fd_; }

    /// Sends the whole message, waiting at most so long. False: the connection is closed now.
    bool send(const StoreMessage& message, Nanoseconds limit = 5 * kSecond);
    /// The next whole message that has come; nothing when none has, or when the connection ended
    /// or broke the protocol: is_open() tells.
    std::optional<StoreMessage> take();

  private:
    std::string path_;
    int fd_ = -1;
    std::string input_;
};

}  // namespace resume::model
