// The host's side of saving a guest's memory: pages that are lost are never read and travel as
// zeros, and a page of which the guest does not know that it is lost blocks the save. What the
// ledger says is all the saver goes by; a page that it reads wrongly ends the process (SIGBUS).
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "libresume/poison.h"

namespace resume::model {

/// A piece of guest memory with pages of one size (4 KiB, 2 MiB, 1 GiB: what its backing has, so
/// that one lost byte loses all of the page). `host` is mapped memory of `length` bytes.
struct MemoryBlock {
    uint64_t guest_address = 0;
    const uint8_t* host = nullptr;
    size_t length = 0;
    size_t page_size = 4096;
};

/// The mistakes of the reports, to show that they are found.
struct SaverBugs {
    bool read_lost = false;      ///< the check is missing: the plain path reads every page
    bool compress_lost = false;  ///< it is missing on the compressed path only
    bool small_pages = false;    ///< asks for 4 KiB, whatever the block's page size
    bool zero_unknown = false;   ///< unknown pages go as zeros: silent corruption
};

/// One page of the stream.
struct SavedPage {
    enum class Kind : uint8_t { zero, raw, compressed };
    uint64_t guest_address = 0;
    size_t page_size = 0;
    Kind kind = Kind::zero;
    bool lost = false;  ///< zero because its memory is lost, not because it held zeros
    std::vector<uint8_t> bytes;
};

class MemorySaver {
  public:
    explicit MemorySaver(const PoisonLedger& ledger, SaverBugs bugs = {})
        : ledger_{ledger}, bugs_{bugs} {}

    /// Why the save may not start: the first lost address that the guest does not know; nothing
    /// when it may. Asked before the guest goes down, and again by save() page by page.
    [[nodiscard]] std::optional<uint64_t> blocked_by() const;

    /// Appends the pages of `block`. False when a page blocks: blocked_by() or error() name it, and
    /// the pages before it stay.
    bool save(const MemoryBlock& block, bool compress, std::vector<SavedPage>& stream);

    /// "page at 0x... is lost and the guest does not know"; empty when nothing blocked.
    [[nodiscard]] const std::string& error() const { return error_; }

  private:
    bool save_page(const MemoryBlock& block, size_t offset, bool compress,
                   std::vector<SavedPage>& stream);

    const PoisonLedger& ledger_;
    SaverBugs bugs_;
    std::string error_;
};

/// Writes a page of the stream to `destination` (page_size bytes). False for a compressed page
/// whose bytes do not give exactly one page.
bool load_page(const SavedPage& page, uint8_t* destination);

}  // namespace resume::model
