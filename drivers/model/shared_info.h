// The shared_info page: where it lives, and its two layouts. A domain starts with the 32-bit one
// until the hypercall page or the callback is set from 64-bit mode (pvh-guest.md, pitfall 2).
#pragma once

#include <cstdint>

#include "drivers/model/fwd.h"
#include "drivers/model/memory.h"

namespace resume::model {

class SharedInfo {
  public:
    explicit SharedInfo(Machine& machine);

    [[nodiscard]] std::byte* page() const { return page_; }
    [[nodiscard]] bool wide() const { return wide_; }
    /// Number of channels that the bitmaps hold in the present layout.
    [[nodiscard]] uint32_t ports() const { return wide_ ? 4096 : 1024; }

    /// XENMEM_add_to_physmap: the page moves to `gfn`; where it was is a hole.
    void map(Gfn gfn);
    void latch_width();
    /// A new domain: the guest's frame is a hole, the page itself is new and nowhere mapped.
    void forget();
    /// Soft reset: the guest's frame is fresh memory, and shared_info nowhere mapped.
    void detach();

    /// True when the bit was not set before.
    bool set_pending(uint32_t port);
    [[nodiscard]] bool pending(uint32_t port) const;
    [[nodiscard]] bool masked(uint32_t port) const;
    void unmask(uint32_t port);
    void clear_pending(uint32_t port);

    void write_wall(uint32_t version, uint64_t seconds, uint32_t nanoseconds);

  private:
    struct alignas(kPageSize) OwnPage {
        std::byte bytes[kPageSize];
    };
    enum class Bitmap : uint8_t { pending, mask };

    [[nodiscard]] std::byte& byte_of(Bitmap bitmap, uint32_t port) const;

    Machine& machine_;
    OwnPage own_{};  ///< where it lives while it is not mapped
    std::byte* page_ = own_.bytes;
    Gfn gfn_ = 0;
    bool mapped_ = false;
    bool wide_ = false;
};

}  // namespace resume::model
