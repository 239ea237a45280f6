// The guest's own view of xenstore, as the agent needs it: one-node reads, writes and removals, and
// watches. No transactions: one that a suspend tears stays open in the store for ever (failure 5).
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "agent/base/files.h"
#include "agent/base/unique_fd.h"
#include "agent/observe/source.h"

namespace resume::agent {

/// A store's answer: the value, or an errno (ENOENT, EACCES, ...). EPROTO: an answer that breaks
/// the protocol; ETIMEDOUT: none within two seconds; after either, the connection is lost.
struct StoreAnswer {
    int error = 0;
    std::string value{};
    [[nodiscard]] bool ok() const noexcept { return error == 0; }
};

/// The seam: relative paths are below the guest's own subtree (/local/domain/<domid>).
class GuestStore {
  public:
    virtual ~GuestStore() = default;
    virtual StoreAnswer read(std::string_view path) = 0;
    virtual StoreAnswer list(std::string_view path) = 0;  ///< names, separated by '\0'
    virtual StoreAnswer write(std::string_view path, std::string_view value) = 0;
    virtual StoreAnswer remove(std::string_view path) = 0;
    virtual StoreAnswer watch(std::string_view path, std::string_view token) = 0;
    /// Opens a connection that was lost again, with all its watches; each fires at once. Returns 0,
    /// or an errno, and then there is still none.
    virtual int reconnect() = 0;
    /// Tokens of watches that fired, oldest first; empty when none did.
    virtual std::optional<std::string> next_event() = 0;
    /// Readable when an event may be there; -1 without a connection.
    [[nodiscard]] virtual int fd() const = 0;
    [[nodiscard]] virtual SourceState state() const = 0;
};

/// The wire protocol (<xen/io/xs_wire.h>) over /dev/xen/xenbus, /proc/xen/xenbus or xenstored's
/// socket. Everything that comes in is bounded and checked: the store is the host's.
class XenbusStore final : public GuestStore {
  public:
    explicit XenbusStore(const Root& root);
    /// `open` gives a fresh connection, or none and why.
    using Open = std::function<UniqueFd(std::string& problem)>;
    explicit XenbusStore(Open open);
    /// One connection, for tests.
    explicit XenbusStore(UniqueFd connection);

    StoreAnswer read(std::string_view path) override;
    StoreAnswer list(std::string_view path) override;
    StoreAnswer write(std::string_view path, std::string_view value) override;
    StoreAnswer remove(std::string_view path) override;
    StoreAnswer watch(std::string_view path, std::string_view token) override;
    int reconnect() override;
    std::optional<std::string> next_event() override;
    [[nodiscard]] int fd() const override { return fd_.get(); }
    [[nodiscard]] SourceState state() const override;

  private:
    struct Message {
        uint32_t type = 0;
        uint32_t request = 0;
        std::string body{};
    };

    StoreAnswer request(uint32_t type, const std::string& body);
    int send(uint32_t type, uint32_t id, const std::string& body);
    /// 0, or an errno; EAGAIN when no whole message is there within `wait_ms`.
    int receive(Message& message, int wait_ms);
    int fill(size_t wanted, int wait_ms);
    void fail(int error);

    std::string problem_{};  ///< before what is opened
    Open open_{};
    UniqueFd fd_{};
    /// Lost, and not closed yet: its number must not come back while an event loop still knows it.
    UniqueFd lost_{};
    std::vector<std::pair<std::string, std::string>> watches_{};  ///< path, token
    std::string inbox_{};
    std::deque<std::string> events_{};
    uint32_t next_id_ = 1;
};

}  // namespace resume::agent
