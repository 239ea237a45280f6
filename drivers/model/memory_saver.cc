#include "drivers/model/memory_saver.h"

#include <algorithm>
#include <cstdio>
#include <cstring>

namespace resume::model {
namespace {

constexpr size_t kWord = sizeof(uint64_t);
constexpr size_t kRunSize = kWord + sizeof(uint32_t);

bool is_zero(const uint8_t* bytes, size_t length) {
    return bytes[0] == 0 && std::memcmp(bytes, bytes + 1, length - 1) == 0;
}

// Runs of equal words: enough of a compressor to have a path of its own that reads the page.
std::vector<uint8_t> compress_runs(const uint8_t* bytes, size_t length) {
    std::vector<uint8_t> packed;
    for (size_t at = 0; at < length;) {
        uint64_t word = 0;
        std::memcpy(&word, bytes + at, kWord);
        uint32_t count = 0;
        while (at < length && std::memcmp(bytes + at, &word, kWord) == 0) {
            at += kWord;
            ++count;
        }
        const size_t end = packed.size();
        packed.resize(end + kRunSize);
        std::memcpy(packed.data() + end, &word, kWord);
        std::memcpy(packed.data() + end + kWord, &count, sizeof count);
    }
    return packed;
}

bool expand_runs(const std::vector<uint8_t>& packed, uint8_t* destination, size_t length) {
    size_t written = 0;
    for (size_t at = 0; at + kRunSize <= packed.size(); at += kRunSize) {
        uint64_t word = 0;
        uint32_t count = 0;
        std::memcpy(&word, packed.data() + at, kWord);
        std::memcpy(&count, packed.data() + at + kWord, sizeof count);
        if (count > (length - written) / kWord) {
            return false;
        }
        for (uint32_t i = 0; i < count; ++i, written += kWord) {
            std::memcpy(destination + written, &word, kWord);
        }
    }
    return written == length && packed.size() % kRunSize == 0;
}

std::string hex(uint64_t address) {
    char text[24];
    std::snprintf(text, sizeof text, "0x%llx", static_cast<unsigned long long>(address));
    return text;
}

}  // namespace

std::optional<uint64_t> MemorySaver::blocked_by() const {
    const PageDecision decision = ledger_.first_unknown();
    return decision.access == PageAccess::refuse && !bugs_.zero_unknown
               ? std::optional{decision.address}
               : std::nullopt;
}

bool MemorySaver::save(const MemoryBlock& block, bool compress, std::vector<SavedPage>& stream) {
    RESUME_ASSERT(block.length % block.page_size == 0);
    for (size_t offset = 0; offset < block.length; offset += block.page_size) {
        if (!save_page(block, offset, compress, stream)) {
            return false;
        }
    }
    return true;
}

bool MemorySaver::save_page(const MemoryBlock& block, size_t offset, bool compress,
                            std::vector<SavedPage>& stream) {
    const uint64_t address = block.guest_address + offset;
    const size_t asked = bugs_.small_pages ? 4096 : block.page_size;
    PageDecision decision = ledger_.decide(address, asked);
    if (bugs_.zero_unknown && decision.access == PageAccess::refuse) {
        decision.access = PageAccess::skip_as_zero;
    }
    if (bugs_.read_lost || (bugs_.compress_lost && compress)) {
        decision.access = PageAccess::read;
    }
    if (decision.access == PageAccess::refuse) {
        error_ = "page at " + hex(decision.address) + " is lost and the guest does not know";
        return false;
    }
    SavedPage page{.guest_address = address,
                   .page_size = block.page_size,
                   .kind = SavedPage::Kind::zero,
                   .lost = decision.access == PageAccess::skip_as_zero,
                   .bytes = {}};
    const uint8_t* bytes = block.host + offset;
    if (!page.lost && !is_zero(bytes, block.page_size)) {
        page.kind = compress ? SavedPage::Kind::compressed : SavedPage::Kind::raw;
        page.bytes = compress ? compress_runs(bytes, block.page_size)
                              : std::vector<uint8_t>(bytes, bytes + block.page_size);
    }
    stream.push_back(std::move(page));
    return true;
}

bool load_page(const SavedPage& page, uint8_t* destination) {
    switch (page.kind) {
        case SavedPage::Kind::zero:
            std::memset(destination, 0, page.page_size);
            return true;
        case SavedPage::Kind::raw:
            if (page.bytes.size() != page.page_size) {
                return false;
            }
            std::copy(page.bytes.begin(), page.bytes.end(), destination);
            return true;
        case SavedPage::Kind::compressed:
            return expand_runs(page.bytes, destination, page.page_size);
    }
    return false;
}

}  // namespace resume::model
