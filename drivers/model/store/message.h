// Messages of xenstore's wire protocol as the daemon's side sees them (xen/io/xs_wire.h).
#pragma once

#include <cerrno>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <boost/container/small_vector.hpp>

#include <xen/io/xs_wire.h>

namespace resume::model {

struct StoreMessage {
    uint32_t type = 0;
    uint32_t request = 0;
    uint32_t transaction = 0;
    std::string payload{};
};

inline constexpr uint32_t kStorePayload = XENSTORE_PAYLOAD_MAX;

/// "ENOENT" of ENOENT; "EINVAL" for a number that the protocol has no word for (4.4.3).
const char* store_error_word(int number) noexcept;
/// The errno of an ERROR's payload; EIO for a word that is not known.
int store_error_number(std::string_view payload) noexcept;

/// The payload's strings, where they stand; the last need not end with a zero.
using StoreWords = boost::container::small_vector<std::string_view, 4>;
StoreWords words_of(std::string_view payload);
/// The same to keep.
std::vector<std::string> split_strings(std::string_view payload);
/// Absolute <= 3072, relative <= 2048 bytes, the protocol's characters, no doubled or trailing
/// slash. `watch`: "@introduceDomain" and the like are allowed too.
bool valid_path(std::string_view path, bool watch);
/// What a trace names a token by: FNV-1a of 64 bits.
uint64_t token_hash(std::string_view token) noexcept;

}  // namespace resume::model
