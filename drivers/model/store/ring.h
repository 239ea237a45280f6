// The daemon's end of the store's ring page: takes messages in, puts replies and events out, and
// witnesses both. A peer that breaks the protocol is no longer served, as by xenstored.
#pragma once

#include <cstdint>
#include <deque>
#include <string>
#include <vector>

#include "drivers/model/clock.h"
#include "drivers/model/fwd.h"
#include "drivers/model/store/message.h"

struct xenstore_domain_interface;

namespace resume::model {

class StoreRing {
  public:
    explicit StoreRing(Machine& machine) : machine_{machine} {}

    /// A ring whose page was just cleared, and a new connection to the store behind it.
    void connect(Port port);
    /// The guest sent on the store's channel.
    void notified();
    /// Bytes of messages under way: requests not taken in, replies not taken out. Watch events that
    /// nobody read do not count: they come again.
    [[nodiscard]] uint32_t unfinished() const;
    [[nodiscard]] bool broken() const { return broken_; }
    /// Requests taken in so far.
    [[nodiscard]] uint64_t requests() const { return requests_; }
    /// Times that the daemon looked and found some: round trips, of however many requests.
    [[nodiscard]] uint64_t rounds() const { return rounds_; }

  private:
    struct Placed {  ///< a message in the ring that the guest has not consumed
        uint32_t end;
        uint32_t size;
        bool reply;
    };
    struct Asked {
        uint32_t request;
        uint32_t type;
        uint64_t token;  ///< of a watch
    };

    void serve();
    bool take_bytes();
    bool take_message();
    void submit(const StoreMessage& message);
    void deliver(StoreMessage message);
    [[nodiscard]] bool waits_already(const StoreMessage& message) const;
    void flush();
    void witness(const StoreMessage& message);
    [[nodiscard]] xenstore_domain_interface& page() const { return *page_; }

    Machine& machine_;
    xenstore_domain_interface* page_ = nullptr;
    Port port_ = 0;
    uint32_t connection_ = 0;  ///< counts connections: late replies of an older one are dropped
    bool scheduled_ = false;
    bool broken_ = false;
    uint64_t requests_ = 0;
    uint64_t rounds_ = 0;
    std::string input_;
    std::deque<StoreMessage> output_;
    std::string bytes_;  ///< of output_.front(), from written_ on not yet in the ring
    std::size_t written_ = 0;
    std::deque<Placed> placed_;
    std::vector<Asked> asked_;  ///< and not answered
};

}  // namespace resume::model
