#include "drivers/store/wire.h"

// First, since it sets the interface version.
#include "libresume/platform/xen.h"

#include <xen/errno.h>
#include <xen/io/xs_wire.h>

namespace resume {
inline namespace v0 {
namespace {

struct ErrorName {
    const char* name;
    int32_t number;
};
// All of Xen's names; the store uses sixteen of them.
constexpr ErrorName kErrors[] = {
#define XEN_ERRNO(name, value) {#name, value},
#include <xen/errno.h>
};

uint32_t read_u32(const char* bytes) noexcept {
    uint32_t value = 0;
    __builtin_memcpy(&value, bytes, sizeof(value));
    return value;
}

void write_u32(char* bytes, uint32_t value) noexcept {
    __builtin_memcpy(bytes, &value, sizeof(value));
}

bool is_path_character(char c) noexcept {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '/' || c == '_' || c == '@';
}

/// Position of the first zero, or `size`.
uint32_t string_end(const char* bytes, uint32_t size) noexcept {
    uint32_t i = 0;
    while (i < size && bytes[i] != '\0') {
        ++i;
    }
    return i;
}

}  // namespace

Result<StoreHead> parse_store_head(const char* bytes, uint32_t size) noexcept {
    if (size < kStoreHeadSize) {
        return Errc::malformed;
    }
    const StoreHead head{.type = read_u32(bytes),
                         .request = read_u32(bytes + 4),
                         .transaction = read_u32(bytes + 8),
                         .length = read_u32(bytes + 12)};
    if (head.length > kStorePayloadMax || head.type >= XS_TYPE_COUNT) {
        return Errc::malformed;
    }
    return head;
}

void write_store_head(const StoreHead& head, char* bytes) noexcept {
    write_u32(bytes, head.type);
    write_u32(bytes + 4, head.request);
    write_u32(bytes + 8, head.transaction);
    write_u32(bytes + 12, head.length);
}

Result<StoreEvent> parse_store_event(const char* payload, uint32_t size) noexcept {
    const uint32_t path_length = string_end(payload, size);
    if (path_length == 0 || path_length >= size) {
        return Errc::malformed;
    }
    const char* token = payload + path_length + 1;
    const uint32_t rest = size - path_length - 1;
    const uint32_t token_length = string_end(token, rest);
    if (token_length >= rest) {
        return Errc::malformed;
    }
    return StoreEvent{
        .path = payload, .path_length = path_length, .token = token, .token_length = token_length};
}

int32_t parse_store_error(const char* payload, uint32_t size) noexcept {
    const uint32_t length = string_end(payload, size);
    for (const ErrorName& known : kErrors) {
        uint32_t i = 0;
        while (i < length && known.name[i] != '\0' && known.name[i] == payload[i]) {
            ++i;
        }
        if (i == length && known.name[i] == '\0') {
            return known.number;
        }
    }
    return XEN_EIO;
}

Error store_error(int32_t number) noexcept {
    Errc code = Errc::io;
    switch (number) {
        case XEN_ENOENT:
            code = Errc::not_found;
            break;
        case XEN_EACCES:
        case XEN_EPERM:
        case XEN_EROFS:
            code = Errc::denied;
            break;
        case XEN_EEXIST:
            code = Errc::exists;
            break;
        case XEN_EAGAIN:
            code = Errc::again;
            break;
        case XEN_EINVAL:
        case XEN_EISDIR:
            code = Errc::invalid;
            break;
        case XEN_ENOSPC:
        case XEN_ENOMEM:
        case XEN_E2BIG:
            code = Errc::no_space;
            break;
        case XEN_EBUSY:
            code = Errc::busy;
            break;
        case XEN_ENOSYS:
            code = Errc::unsupported;
            break;
        default:
            break;
    }
    return {.code = code, .detail = number};
}

Result<uint32_t> parse_store_number(const char* payload, uint32_t size) noexcept {
    const uint32_t length = string_end(payload, size);
    uint64_t value = 0;
    for (uint32_t i = 0; i < length; ++i) {
        if (payload[i] < '0' || payload[i] > '9') {
            return Errc::malformed;
        }
        value = value * 10 + static_cast<uint64_t>(payload[i] - '0');
        if (value > UINT32_MAX) {
            return Errc::malformed;
        }
    }
    if (length == 0) {
        return Errc::malformed;
    }
    return static_cast<uint32_t>(value);
}

bool valid_store_path(const char* path) noexcept {
    uint32_t length = 0;
    for (; path[length] != '\0'; ++length) {
        const bool doubled = path[length] == '/' && path[length + 1] == '/';
        if (length >= kStorePathMax || doubled || !is_path_character(path[length])) {
            return false;
        }
    }
    return length > 0 && (length == 1 || path[length - 1] != '/');
}

uint64_t store_token_hash(const char* token, uint32_t length) noexcept {
    uint64_t hash = 0xcbf29ce484222325;
    for (uint32_t i = 0; i < length; ++i) {
        hash = (hash ^ static_cast<uint8_t>(token[i])) * 0x100000001b3;
    }
    return hash;
}

}  // namespace v0
}  // namespace resume
