// The timeline: one self-contained page that draws a cycle's steps and devices on a time axis.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace resume::agent {

/// The page for these reports (JSON objects as text, oldest first). Nothing in them can end the
/// script element: "</" is escaped.
std::string timeline_page(const std::vector<std::string>& reports);

}  // namespace resume::agent
