// Text in JUnit's XML.
#pragma once

#include <string>

namespace resume::stress {

/// For text and attributes alike. XML 1.0 has no way to write most control characters: blanks.
std::string xml_escaped(const std::string& text);

}  // namespace resume::stress
