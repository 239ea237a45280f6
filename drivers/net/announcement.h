// The frame that tells a network where an address is now: a RARP request of one's own address
// (RFC 903), broadcast. Switches learn from its sender; nobody has to answer, and no network
// address is needed. What hosts send in a guest's name when they move it (QEMU, VMware) is the
// same.
#pragma once

#include <stdint.h>

namespace resume {
inline namespace v0 {

class Announcement {
  public:
    explicit Announcement(const uint8_t (&mac)[6]) noexcept;
    [[nodiscard]] const char* data() const noexcept {
        return reinterpret_cast<const char*>(frame_);
    }
    [[nodiscard]] uint32_t size() const noexcept { return sizeof frame_; }

    static constexpr uint16_t kEtherType = 0x8035;

  private:
    uint8_t frame_[60] = {};  ///< the least that Ethernet has
};

}  // namespace v0
}  // namespace resume
