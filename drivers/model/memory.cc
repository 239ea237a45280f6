#include "drivers/model/memory.h"

#include <algorithm>
#include <cstring>

namespace resume::model {

Memory::Frame& Memory::frame(Gfn gfn) {
    Recent& recent = recent_[gfn % recent_.size()];
    if (recent.frame == nullptr || recent.gfn != gfn) {
        recent = {gfn, &find(gfn)};
    }
    return *recent.frame;
}

Memory::Frame& Memory::find(Gfn gfn) {
    const auto found = frames_.find(gfn);
    if (found != frames_.end()) {
        return found->second;
    }
    own_.push_back(std::make_unique<OwnPage>());
    Frame& made = frames_[gfn];
    made.page = own_.back()->bytes;
    made.hole = true;
    std::memset(made.page, 0xff, kPageSize);
    numbers_.emplace(reinterpret_cast<uintptr_t>(made.page), gfn);
    holes_.push_back(gfn);
    return made;
}

Memory::Page Memory::page(Gfn gfn) {
    return frame(gfn).page;
}

Gfn Memory::frame_of(const void* address) {
    const auto base = reinterpret_cast<uintptr_t>(address) & ~uintptr_t{kPageSize - 1};
    const auto [found, fresh] = numbers_.try_emplace(base, next_);
    if (fresh) {
        frames_[next_].page = reinterpret_cast<Page>(base);
        ++next_;
    }
    return found->second;
}

Gfn Memory::allocate(uint32_t count) {
    const Gfn first = next_;
    next_ += count;
    for (Gfn gfn = first; gfn < next_; ++gfn) {
        make_ram(gfn);
    }
    return first;
}

void Memory::make_ram(Gfn gfn) {
    Frame& made = frame(gfn);
    made.hole = false;
    std::erase(holes_, gfn);
    std::memset(made.page, 0, kPageSize);
}

void Memory::make_hole(Gfn gfn) {
    Frame& made = frame(gfn);
    if (!made.hole) {
        made.hole = true;
        holes_.push_back(gfn);
    }
    std::memset(made.page, 0xff, kPageSize);
}

bool Memory::is_hole(Gfn gfn) const {
    const auto found = frames_.find(gfn);
    return found == frames_.end() || found->second.hole;
}

void Memory::fill_holes() {
    for (const Gfn gfn : holes_) {
        std::memset(frames_.at(gfn).page, 0xff, kPageSize);
    }
}

}  // namespace resume::model
