#include "libresume/capability.h"

namespace resume {
inline namespace v0 {
namespace {

bool equal(const char* left, const char* right) noexcept {
    while (*left != '\0' && *left == *right) {
        ++left;
        ++right;
    }
    return *left == *right;
}

// Bounded, so that a name that was never ended cannot lead anywhere.
size_t length_of(const char* text) noexcept {
    size_t length = 0;
    while (length <= NeedList::kNameMax && text[length] != '\0') {
        ++length;
    }
    return length;
}

const Capability* find(const Contract& contract, const char* item) noexcept {
    for (uint32_t i = 0; i < contract.count; ++i) {
        if (equal(contract.rows[i].item, item)) {
            return &contract.rows[i];
        }
    }
    return nullptr;
}

ItemFate fate_of(const char* item, const Contract& here, const void* target,
                 const Waivers& waivers) noexcept {
    const Capability* row = find(here, item);
    if (row != nullptr && (row->restorable == nullptr || row->restorable(target))) {
        return ItemFate::restored;
    }
    if (waivers.covers(item)) {
        return ItemFate::waived;
    }
    return row == nullptr ? ItemFate::unknown_here : ItemFate::not_restorable;
}

}  // namespace

const char* name_of(ItemFate fate) noexcept {
    switch (fate) {
        case ItemFate::restored:
            return "restored";
        case ItemFate::waived:
            return "waived";
        case ItemFate::unknown_here:
            return "unknown_here";
        case ItemFate::not_restorable:
            return "not_restorable";
    }
    return "?";
}

const char* NeedList::at(uint32_t index) const noexcept {
    RESUME_ASSERT(index < count_);
    return names_[index];
}

Result<> NeedList::add(const char* item) noexcept {
    return add(item, length_of(item));
}

Result<> NeedList::add(const char* item, size_t length) noexcept {
    if (length == 0 || length > kNameMax) {
        return Errc::invalid;
    }
    if (count_ == kNeedsMax) {
        return Errc::no_space;
    }
    char* name = names_[count_];
    for (size_t i = 0; i < length; ++i) {
        name[i] = item[i];
    }
    name[length] = '\0';
    for (uint32_t i = 0; i < count_; ++i) {
        if (equal(names_[i], name)) {
            return Errc::exists;
        }
    }
    ++count_;
    return {};
}

Result<size_t> NeedList::encode(uint8_t* bytes, size_t capacity) const noexcept {
    size_t used = 1;
    for (uint32_t i = 0; i < count_; ++i) {
        used += 1 + length_of(names_[i]);
    }
    if (used > capacity) {
        return Errc::no_space;
    }
    size_t at = 0;
    bytes[at++] = static_cast<uint8_t>(count_);
    for (uint32_t i = 0; i < count_; ++i) {
        const size_t length = length_of(names_[i]);
        bytes[at++] = static_cast<uint8_t>(length);
        for (size_t j = 0; j < length; ++j) {
            bytes[at++] = static_cast<uint8_t>(names_[i][j]);
        }
    }
    return used;
}

Result<size_t> NeedList::decode(const uint8_t* bytes, size_t size) noexcept {
    clear();
    if (size == 0 || bytes[0] > kNeedsMax) {
        return Errc::malformed;
    }
    size_t at = 1;
    for (uint32_t i = 0; i < bytes[0]; ++i) {
        const size_t length = at < size ? bytes[at] : 0;
        if (length == 0 || length > kNameMax || length > size - at - 1) {
            clear();
            return Errc::malformed;
        }
        char name[kNameMax + 1] = {};
        for (size_t j = 0; j < length; ++j) {
            name[j] = static_cast<char>(bytes[at + 1 + j]);
        }
        // A NUL within a name would make two items one; a name twice has no meaning either.
        if (length_of(name) != length || !add(name, length).ok()) {
            clear();
            return Errc::malformed;
        }
        at += 1 + length;
    }
    return at;
}

bool Waivers::covers(const char* item) const noexcept {
    for (uint32_t i = 0; i < count; ++i) {
        if (equal(items[i], item)) {
            return true;
        }
    }
    return false;
}

Result<> collect_needs(const Contract& contract, const void* state, NeedList& needs) noexcept {
    needs.clear();
    for (uint32_t i = 0; i < contract.count; ++i) {
        const Capability& row = contract.rows[i];
        if (row.needed == nullptr || row.needed(state)) {
            RESUME_TRY(needs.add(row.item));
        }
    }
    return {};
}

Result<> check_needs(const NeedList& needs, const Contract& here, const void* target,
                     const Waivers& waivers, LoadReport& report) noexcept {
    report = {};
    report.count = needs.size();
    int32_t first_refused = -1;
    for (uint32_t i = 0; i < needs.size(); ++i) {
        const ItemFate fate = fate_of(needs.at(i), here, target, waivers);
        report.fates[i] = fate;
        if (fate == ItemFate::unknown_here || fate == ItemFate::not_restorable) {
            ++report.refused;
            first_refused = first_refused < 0 ? static_cast<int32_t>(i) : first_refused;
        }
    }
    if (report.refused > 0) {
        return {Errc::unsupported, first_refused};
    }
    return {};
}

}  // namespace v0
}  // namespace resume
