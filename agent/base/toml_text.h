// What must be asked of a TOML text before toml++ may see it.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace resume::agent {

/// The line (from 1) of the first byte above ASCII that stands outside strings and comments, where
/// TOML 1.0 allows none; nullopt when there is none. toml++ 3.3 (Debian 12) runs into undefined
/// behaviour there instead of refusing: its is_non_ascii_horizontal_whitespace() ends unreachable
/// for most characters from U+00A1 to U+0499, a bare key `größe` among them. A byte order mark at
/// the very beginning is let through.
std::optional<uint32_t> line_of_bare_non_ascii(std::string_view text) noexcept;

}  // namespace resume::agent
