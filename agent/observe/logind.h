// systemd-logind: told before a suspend that goes by way of it, with a delay of its own (five
// seconds by default), and after it. A suspend by sysfs, rtcwake or Xen does not pass here.
#pragma once

#include <memory>
#include <optional>

#include "agent/base/files.h"
#include "agent/observe/dbus.h"
#include "agent/observe/source.h"

namespace resume::agent {

class Logind {
  public:
    explicit Logind(const Root& root);

    [[nodiscard]] int fd() const noexcept { return bus_ ? bus_->fd() : -1; }
    [[nodiscard]] SourceState state() const;

    /// The next PrepareForSleep: true before, false after; nullopt when there is none.
    std::optional<bool> next();
    /// Lets logind go on; it waits for us no longer.
    void let_go() { inhibitor_.reset(); }
    /// Asks logind to wait for us next time.
    void hold();

    /// logind's InhibitDelayMaxSec by default, less what it takes to let go.
    static constexpr unsigned kDelayMs = 4500;

  private:
    std::unique_ptr<DbusClient> bus_{};
    UniqueFd inhibitor_{};
    std::string problem_{};
};

}  // namespace resume::agent
