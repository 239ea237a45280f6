// Where the machine's store is: in this process, or a real xenstored. Two users: the guest, by
// messages, and the host's side of this guest, by paths below the guest's own home.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>

#include "drivers/model/store/message.h"
#include "libresume/terms.h"

namespace resume::model {

class StoreSeam {
  public:
    using Deliver = std::function<void(StoreMessage)>;
    using Changed = std::function<void()>;

    StoreSeam() = default;
    StoreSeam(const StoreSeam&) = delete;
    StoreSeam& operator=(const StoreSeam&) = delete;
    virtual ~StoreSeam() = default;

    /// The guest's connection: replies and events to `deliver`, at once or later. A second call is
    /// a new connection: watches and transactions of the old one are gone.
    virtual void connect(Deliver deliver) = 0;
    virtual void submit(const StoreMessage& message) = 0;
    [[nodiscard]] virtual uint32_t open_transactions() const = 0;

    /// The toolstack made a new domain for the guest: what libxl writes, and nothing of `data`.
    virtual void introduce(DomId domid) = 0;
    /// Paths relative to the guest's home, or absolute; nullopt when there is no such node.
    virtual std::optional<std::string> read(const std::string& path) = 0;
    virtual void write(const std::string& path, const std::string& value) = 0;
    /// A node of the toolstack's making: `owner`'s, and `reader` may look.
    virtual void create(const std::string& path, const std::string& value, DomId owner,
                        DomId reader) = 0;
    virtual void remove(const std::string& path) = 0;
    /// `changed` is called after each change at or below `path`, by whomever; for ever.
    virtual void watch(const std::string& path, Changed changed) = 0;
    /// @releaseDomain: a domain went down.
    virtual void release_domain() {}
};

}  // namespace resume::model
