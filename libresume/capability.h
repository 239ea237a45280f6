// The capability contract: a section of saved state says what it needs of the side that loads it.
// Which needs are real is decided at the save, from the state itself; each is checked after the
// load, and one that cannot be met fails that device's resume unless this very item was waived.
// Nothing is dropped without a line (after the QEMU/KVM report that subsections whose kernel
// support is missing at the target load "successfully" and are ignored).
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "libresume/result.h"

namespace resume {
inline namespace v0 {

/// One item of a driver's contract; a row of a constexpr table.
struct Capability {
    /// The item's name in the stream, in reports and in waivers; 1 to 47 bytes, never reused.
    const char* item;
    /// At the save: does this state need the item? Null: always.
    bool (*needed)(const void* state) noexcept;
    /// After the load: can this side restore it? Null: always.
    bool (*restorable)(const void* target) noexcept;
};

/// A driver's table; belongs to the driver and outlives its use.
struct Contract {
    const Capability* rows = nullptr;
    uint32_t count = 0;
};

/// The names of the needed items: what travels. 32 at most; fixed storage, no heap.
class NeedList {
  public:
    static constexpr uint32_t kNeedsMax = 32;
    static constexpr uint32_t kNameMax = 47;

    [[nodiscard]] uint32_t size() const noexcept { return count_; }
    [[nodiscard]] const char* at(uint32_t index) const noexcept;

    /// no_space beyond kNeedsMax, invalid for an empty or too long name, exists for a second one.
    Result<> add(const char* item) noexcept;
    void clear() noexcept { count_ = 0; }

    /// The bytes of the stream: a count, then length and characters of each name. Returns their
    /// number; no_space when `capacity` does not hold them.
    Result<size_t> encode(uint8_t* bytes, size_t capacity) const noexcept;
    /// Reads them from an untrusted stream and returns how many were used; malformed otherwise.
    Result<size_t> decode(const uint8_t* bytes, size_t size) noexcept;

  private:
    Result<> add(const char* item, size_t length) noexcept;

    uint32_t count_ = 0;
    char names_[kNeedsMax][kNameMax + 1] = {};
};

/// Items whose loss is accepted: whole names, no patterns. Default: none.
struct Waivers {
    const char* const* items = nullptr;
    uint32_t count = 0;

    [[nodiscard]] bool covers(const char* item) const noexcept;
};

/// What became of a needed item at the loading side.
enum class ItemFate : uint8_t {
    restored,
    waived,          ///< lost, and this very item was waived
    unknown_here,    ///< this side's driver has no such item
    not_restorable,  ///< the driver knows it, the platform below cannot restore it
};
const char* name_of(ItemFate fate) noexcept;

/// A fate for every item of the list, by its index: the lines of the report.
struct LoadReport {
    ItemFate fates[NeedList::kNeedsMax] = {};
    uint32_t count = 0;
    uint32_t refused = 0;
};

/// At the save: the items of `contract` that `state` needs. Errors as NeedList::add.
Result<> collect_needs(const Contract& contract, const void* state, NeedList& needs) noexcept;

/// After the load: checks every saved need against this side's contract; all of them, so that the
/// report is whole. Fails with unsupported, detail = index of the first refused item.
Result<> check_needs(const NeedList& needs, const Contract& here, const void* target,
                     const Waivers& waivers, LoadReport& report) noexcept;

}  // namespace v0
}  // namespace resume
