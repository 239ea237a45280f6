// A task that keeps using the store: it writes a number and reads it back. Requests of its own are
// in flight whenever the guest is asked to go down (FreeBSD-EN-17:05 no. 2).
#pragma once

#include "drivers/store/store.h"

namespace kernel {

class Traffic {
  public:
    static constexpr resume::TaskId kTask = 1;

    void start(resume::Machine& machine, resume::Store& store) noexcept;
    /// Thread context, whenever the guest idles: asks again when its time has come.
    void run() noexcept;
    /// Asks at once, so that something is in flight.
    void hurry() noexcept;
    /// Stopped and running again, as the engine's steps freeze_tasks and thaw_tasks want it.
    void freeze() noexcept;
    void thaw() noexcept;

    [[nodiscard]] uint64_t round_trips() const noexcept { return round_trips_; }
    /// Values read that were not those written in the same domain.
    [[nodiscard]] uint64_t wrong() const noexcept { return wrong_; }

  private:
    static constexpr uint32_t kValueSize = 16;

    /// A number written and read back, each by its own request.
    struct Lane {
        Traffic* traffic = nullptr;
        const char* path = nullptr;
        char value[kValueSize] = {};
        char reply[kValueSize] = {};
        bool reading = false;
        resume::StoreRequest request{};
    };
    static constexpr uint32_t kLanes = 2;

    void submit(Lane& lane) noexcept;
    void finished(Lane& lane) noexcept;
    static void on_completed(void* lane, resume::StoreRequest& request) noexcept;

    resume::Machine* machine_ = nullptr;
    resume::Store* store_ = nullptr;
    bool frozen_ = false;
    resume::Ticks next_ = 0;
    uint64_t number_ = 0;
    uint64_t round_trips_ = 0;
    uint64_t wrong_ = 0;
    Lane lanes_[kLanes];
};

}  // namespace kernel
