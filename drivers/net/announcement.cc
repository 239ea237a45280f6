#include "drivers/net/announcement.h"

namespace resume {
inline namespace v0 {
namespace {

constexpr uint32_t kSender = 6, kType = 12, kBody = 14;  // in the frame
// In the body, as ARP's (RFC 826): hardware Ethernet, protocol IPv4, their sizes, the operation.
constexpr uint8_t kRequestReverse[] = {0, 1, 8, 0, 6, 4, 0, 3};
constexpr uint32_t kSenderHardware = kBody + 8, kTargetHardware = kBody + 18;

}  // namespace

Announcement::Announcement(const uint8_t (&mac)[6]) noexcept {
    frame_[kType] = kEtherType >> 8;
    frame_[kType + 1] = kEtherType & 0xff;
    __builtin_memcpy(frame_ + kBody, kRequestReverse, sizeof kRequestReverse);
    for (uint32_t i = 0; i < sizeof mac; ++i) {
        frame_[i] = 0xff;
        frame_[kSender + i] = frame_[kSenderHardware + i] = frame_[kTargetHardware + i] = mac[i];
    }
}

}  // namespace v0
}  // namespace resume
