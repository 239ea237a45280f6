// systemd's readiness protocol, sd_notify(3), without its library.
#pragma once

#include <string>
#include <string_view>

namespace resume::agent {

/// Sends `state` ("READY=1", "STATUS=...", several lines) to $NOTIFY_SOCKET; nothing when it is not
/// set. Returns 0 or an errno.
int notify_manager(std::string_view state);

}  // namespace resume::agent
