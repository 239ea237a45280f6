// What the guest shows its host below data/resume/: a device like any other, so that the state is
// written before the store's gate closes and again, whole, after every resume (data/ is not
// carried to a new domain).
#pragma once

#include <functional>
#include <string>

#include "drivers/store/store.h"

namespace resume::stress {

class Publisher final : public Device {
  public:
    using Log = std::function<void(const std::string&)>;
    Publisher(Store& store, Log log);

    /// Guest code: watches the host's requests and writes what there is.
    void start();
    void stop();
    /// Guest code: answers a request of the host, if one came.
    void serve();
    /// Guest code: the report of the last cycle, cut to what a node holds.
    void set_last(const std::string& report);
    void publish_all();
    /// Any context: publish_all() at the next serve().
    void publish_later() noexcept { stale_ = true; }

    static constexpr uint32_t kLastMax = 1024;

  private:
    Progress prepare(ThreadContext&) noexcept;
    Progress complete(ThreadContext&, Outcome) noexcept;
    void put(const char* node, const std::string& value);
    static const DriverOps kOps;

    Store& store_;
    Log log_;
    StoreWatch request_{};
    bool request_fired_ = false;
    bool stale_ = false;
    std::string state_ = "up";
    std::string last_;
    std::string answer_;
};

/// The answer to a request `prepare ID KIND TTL_S`; empty for `release ID` and for an empty node.
/// Untrusted: bounded, one line, checked.
std::string answer_to(const std::string& request);

}  // namespace resume::stress
