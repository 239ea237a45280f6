// The store's messages as bytes (xen/io/xs_wire.h, docs/misc/xenstore.txt). Pure functions:
// whatever comes in is untrusted, every length is checked against the protocol's bounds before it
// is used.
#pragma once

#include <stdint.h>

#include "libresume/result.h"

namespace resume {
inline namespace v0 {

/// xsd_sockmsg, little-endian as on the guest.
struct StoreHead {
    uint32_t type = 0;
    uint32_t request = 0;
    uint32_t transaction = 0;
    uint32_t length = 0;  ///< of the payload, <= kStorePayloadMax
};
inline constexpr uint32_t kStoreHeadSize = 16;
inline constexpr uint32_t kStorePayloadMax = 4096;  ///< breaking it ends the connection
inline constexpr uint32_t kStoreMessageMax = kStoreHeadSize + kStorePayloadMax;
inline constexpr uint32_t kStorePathMax = 3072;

/// The head of what the daemon sent. malformed: a length over the bound or a type that is none: the
/// stream cannot be followed any further.
Result<StoreHead> parse_store_head(const char* bytes, uint32_t size) noexcept;
void write_store_head(const StoreHead& head, char* bytes) noexcept;

/// A watch event: two strings, each with its terminating zero inside `payload`. malformed without.
struct StoreEvent {
    const char* path = nullptr;
    uint32_t path_length = 0;
    const char* token = nullptr;
    uint32_t token_length = 0;
};
Result<StoreEvent> parse_store_event(const char* payload, uint32_t size) noexcept;

/// The errno (Xen's numbers, xen/errno.h) of an ERROR's word; EIO for a word that is not known.
int32_t parse_store_error(const char* payload, uint32_t size) noexcept;
/// That errno in our words, with the errno as detail.
Error store_error(int32_t number) noexcept;

/// A decimal number with or without its terminating zero: a transaction's id. malformed otherwise.
Result<uint32_t> parse_store_number(const char* payload, uint32_t size) noexcept;

/// Absolute or relative, 1 .. 3072 bytes, of letters, digits, '-', '/', '_', '@'; no doubled and no
/// trailing slash.
bool valid_store_path(const char* path) noexcept;

/// What a trace names a token by (FNV-1a, 64 bits).
uint64_t store_token_hash(const char* token, uint32_t length) noexcept;

}  // namespace v0
}  // namespace resume
