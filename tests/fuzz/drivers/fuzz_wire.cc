// Each pure function over the store's bytes: within its input, and never a value out of its bounds.
#include <cstdlib>
#include <string>

#include "drivers/store/wire.h"
#include "xen/handshake/words.h"

namespace {

void require(bool condition) {
    if (!condition) {
        std::abort();
    }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    using namespace resume;
    // Copies of the exact size: one byte too far is seen.
    const std::string text(reinterpret_cast<const char*>(data), size);
    const auto length = static_cast<uint32_t>(size);
    if (const auto head = parse_store_head(text.data(), length); head.ok()) {
        require(head.value().length <= kStorePayloadMax);
        char bytes[kStoreHeadSize];
        write_store_head(head.value(), bytes);
        require(text.compare(0, kStoreHeadSize, bytes, kStoreHeadSize) == 0);
    }
    if (const auto event = parse_store_event(text.data(), length); event.ok()) {
        const StoreEvent& found = event.value();
        require(found.path_length + found.token_length + 2 <= length);
        require(found.path[found.path_length] == '\0' && found.token[found.token_length] == '\0');
        require(store_token_hash(found.token, found.token_length) != 0);
    }
    require(store_error(parse_store_error(text.data(), length)).code != Errc::none);
    if (const auto number = parse_store_number(text.data(), length); number.ok()) {
        require(text.find_first_of("0123456789") == 0);
    }
    require(!valid_store_path(text.c_str()) || text.find('/', 0) != text.size());
    const ShutdownWord word = parse_shutdown_word(text.data(), length);
    require(word == ShutdownWord::none || text == name_of(word));
    return 0;
}
