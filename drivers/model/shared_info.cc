#include "drivers/model/shared_info.h"

#include <cstddef>
#include <cstring>

#include "drivers/model/machine.h"

namespace resume::model {

namespace {

// The 32-bit layout: 32 vcpu_info of 64 bytes, two bitmaps of 32 words of 4 bytes, the wall clock;
// the upper half of the seconds stands among the architecture's fields (public/xen.h).
constexpr std::size_t kBitmaps = sizeof(vcpu_info) * XEN_LEGACY_MAX_VCPUS;
constexpr std::size_t kNarrowBitmap = std::size_t{32} * 4;
constexpr std::size_t kNarrowWall = kBitmaps + 2 * kNarrowBitmap;
constexpr std::size_t kNarrowSecondsHigh = kNarrowWall + 12 + 24;

void put(std::byte* at, uint32_t value) {
    std::memcpy(at, &value, sizeof value);
}

}  // namespace

static_assert(offsetof(shared_info, evtchn_pending) == kBitmaps);

SharedInfo::SharedInfo(Machine& machine) : machine_{machine} {}

void SharedInfo::map(Gfn gfn) {
    if (mapped_ && gfn == gfn_) {
        return;
    }
    std::memcpy(own_.bytes, page_, kPageSize);
    if (mapped_) {
        machine_.memory.make_hole(gfn_);
    }
    machine_.memory.make_ram(gfn);
    page_ = machine_.memory.page(gfn);
    std::memcpy(page_, own_.bytes, kPageSize);
    gfn_ = gfn;
    mapped_ = true;
}

void SharedInfo::latch_width() {
    if (!wide_) {
        wide_ = true;
        machine_.timekeeping.publish_wall();
    }
}

void SharedInfo::forget() {
    if (mapped_) {
        machine_.memory.make_hole(gfn_);
    }
    own_ = OwnPage{};
    page_ = own_.bytes;
    mapped_ = false;
    wide_ = false;
}

void SharedInfo::detach() {
    if (mapped_) {
        std::memcpy(own_.bytes, page_, kPageSize);
        machine_.memory.make_ram(gfn_);
    }
    page_ = own_.bytes;
    mapped_ = false;
}

std::byte& SharedInfo::byte_of(Bitmap bitmap, uint32_t port) const {
    const std::size_t size = wide_ ? sizeof(shared_info::evtchn_pending) : kNarrowBitmap;
    return page_[kBitmaps + (bitmap == Bitmap::mask ? size : 0) + port / 8];
}

bool SharedInfo::set_pending(uint32_t port) {
    std::byte& byte = byte_of(Bitmap::pending, port);
    const std::byte bit{static_cast<unsigned char>(1u << (port % 8))};
    const bool was = (byte & bit) != std::byte{0};
    byte |= bit;
    return !was;
}

bool SharedInfo::pending(uint32_t port) const {
    return (std::to_integer<unsigned>(byte_of(Bitmap::pending, port)) >> (port % 8) & 1u) != 0;
}

bool SharedInfo::masked(uint32_t port) const {
    return (std::to_integer<unsigned>(byte_of(Bitmap::mask, port)) >> (port % 8) & 1u) != 0;
}

void SharedInfo::unmask(uint32_t port) {
    byte_of(Bitmap::mask, port) &= ~std::byte{static_cast<unsigned char>(1u << (port % 8))};
}

void SharedInfo::clear_pending(uint32_t port) {
    byte_of(Bitmap::pending, port) &= ~std::byte{static_cast<unsigned char>(1u << (port % 8))};
}

void SharedInfo::write_wall(uint32_t version, uint64_t seconds, uint32_t nanoseconds) {
    const std::size_t base = wide_ ? offsetof(shared_info, wc_version) : kNarrowWall;
    const std::size_t high = wide_ ? offsetof(shared_info, wc_sec_hi) : kNarrowSecondsHigh;
    put(page_ + base, version - 1);
    put(page_ + base + 4, static_cast<uint32_t>(seconds));
    put(page_ + base + 8, nanoseconds);
    put(page_ + high, static_cast<uint32_t>(seconds >> 32));
    put(page_ + base, version);
}

}  // namespace resume::model
