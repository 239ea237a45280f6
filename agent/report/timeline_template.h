// Generated at build time from timeline.html (agent/report/CMakeLists.txt).
#pragma once

#include <string_view>

namespace resume::agent {

extern const std::string_view kTimelineTemplate;

}  // namespace resume::agent
