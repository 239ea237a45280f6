// Guest memory by frame number. The guest's objects live in this process: a page of theirs gets a
// frame number when it is first asked for, so numbers do not depend on where the process was
// loaded. Special pages (store, console) have fixed numbers as on real Xen.
//
// A hole reads all ones, and what is written to it is gone by the guest's next call into the
// machine.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <unordered_map>
#include <vector>

#include "drivers/model/config.h"

namespace resume::model {

inline constexpr std::size_t kPageSize = 4096;
inline constexpr Gfn kStoreGfn = 0xfeffc;
inline constexpr Gfn kConsoleGfn = 0xfefff;
/// The guest's own pages are numbered from here (4 GiB) upwards.
inline constexpr Gfn kFirstRamGfn = 0x100000;

class Memory {
  public:
    using Page = std::byte*;

    /// The page of a frame; a frame never heard of is a hole.
    Page page(Gfn gfn);
    /// The frame of an address of the guest's.
    Gfn frame_of(const void* address);

    /// `count` new frames in a row, zeroed: memory that the guest sets aside for ever.
    Gfn allocate(uint32_t count);
    void make_ram(Gfn gfn);   ///< zeroed memory
    void make_hole(Gfn gfn);  ///< reads all ones, drops writes
    [[nodiscard]] bool is_hole(Gfn gfn) const;
    /// Called at each entry of the machine: holes read all ones again.
    void drop_writes() {
        if (!holes_.empty()) {
            fill_holes();
        }
    }

  private:
    struct Frame {
        Page page = nullptr;
        bool hole = false;
    };
    struct alignas(kPageSize) OwnPage {
        std::byte bytes[kPageSize];
    };

    Frame& frame(Gfn gfn);
    Frame& find(Gfn gfn);
    void fill_holes();

    std::unordered_map<Gfn, Frame> frames_;
    /// The same few pages are asked for again and again.
    struct Recent {
        Gfn gfn = 0;
        Frame* frame = nullptr;
    };
    std::array<Recent, 64> recent_{};
    std::unordered_map<uintptr_t, Gfn> numbers_;  ///< by address of the page
    std::vector<std::unique_ptr<OwnPage>> own_;
    std::vector<Gfn> holes_;
    Gfn next_ = kFirstRamGfn;
};

}  // namespace resume::model
