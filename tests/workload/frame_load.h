// A verified load for a network interface: lanes that send a numbered frame to a peer on the wire
// and wait until it comes back. Each frame's fate is known: it came back as it was sent, or it was
// lost; twice, or as something else, is an error. Core's subset: the same objects load the modelled
// interface and a real one.
#pragma once

#include "drivers/net/link.h"
#include "libresume/platform/machine.h"

namespace resume {
inline namespace v0 {

/// Of the frames of this load; one of those that IEEE 802 leaves for experiments.
inline constexpr uint16_t kLoadEtherType = 0x88b5;

class FrameLoad {
  public:
    static constexpr uint32_t kLanes = 8;

    /// `net` is an interface of any driver's.
    template <class Net>
    FrameLoad(Machine& machine, Net& net, uint64_t seed) noexcept
        : FrameLoad{machine,
                    {.self = &net,
                     .send =
                         [](void* of, const char* frame, uint32_t size) noexcept {
                             return static_cast<Net*>(of)->send(frame, size).ok();
                         },
                     .mac = net.mac(),
                     .counters = &net.counters()},
                    seed} {}
    /// What the interface hands its frames to.
    static void on_received(void* self, const char* frame, uint32_t size) noexcept;

    // Thread context, CPU 0.
    /// A new frame in every lane that waits for none, where the link takes it. One that did not
    /// come back in two seconds, or whose backend is gone, counts as lost, until it comes.
    void burst() noexcept;
    /// Frames that may still come back.
    [[nodiscard]] uint32_t under_way() noexcept;

    [[nodiscard]] uint64_t sent() const noexcept { return number_; }
    [[nodiscard]] uint64_t came_back() const noexcept { return came_back_; }
    [[nodiscard]] uint64_t lost() const noexcept { return lost_; }
    /// Frames that came back twice; and such that hold something else.
    [[nodiscard]] uint64_t doubled() const noexcept { return doubled_; }
    [[nodiscard]] uint64_t wrong() const noexcept { return wrong_; }

  private:
    struct Lane {
        uint64_t number = 0;  ///< of the frame that it waits for; 0 = none
        uint32_t size = 0;
        Ticks sent = 0;
        uint64_t connection = 0;  ///< that it was sent on
    };

    struct Link {
        void* self;
        bool (*send)(void* self, const char* frame, uint32_t size) noexcept;
        const uint8_t* mac;
        const NetCounters* counters;
    };

    FrameLoad(Machine& machine, const Link& net, uint64_t seed) noexcept;
    void send(Lane& lane) noexcept;
    void fill(char* frame, uint64_t number, uint32_t size) const noexcept;
    void take(const char* frame, uint32_t size) noexcept;
    void give_up(Lane& lane) noexcept;
    void compare(const Lane& lane, const char* frame, uint32_t size) noexcept;

    Machine& machine_;
    Link net_;
    uint64_t seed_;
    static constexpr uint32_t kGivenUp = 64;
    Lane lanes_[kLanes];
    Lane given_up_[kGivenUp];  ///< the last ones
    uint32_t next_given_up_ = 0;
    uint64_t number_ = 0;
    uint64_t came_back_ = 0;
    uint64_t lost_ = 0;
    uint64_t doubled_ = 0;
    uint64_t wrong_ = 0;
    char frame_[kFrameMax] = {};
    char wanted_[kFrameMax] = {};
};

}  // namespace v0
}  // namespace resume
