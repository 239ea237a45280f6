// The paravirtual console: a ring that xenconsoled reads. Its page and its channel are not in the
// migration stream: both parameters are read again after every resume (L11, failure 47). System
// device of the last rank, so that what goes wrong later can be printed.
#pragma once

#include "drivers/event_channels/event_channels.h"

namespace resume {
inline namespace v0 {

class Console final : public Device {
  public:
    Console(Machine& machine, EventChannels& events, Bugs bugs) noexcept;

    /// Boot, CPU 0. unsupported when the domain has no console; write() drops everything then.
    Result<> boot(BootContext& boot) noexcept;

    /// Writes what fits and returns its number of bytes; never waits. Any context of CPU 0.
    uint32_t write(const char* text, uint32_t size) noexcept;
    /// Writes all, waiting for room until `deadline`. Thread context. False when cut.
    bool write_all(const char* text, uint32_t size, Ticks deadline) noexcept;
    /// Takes what was typed, at most `size` bytes.
    uint32_t read(char* buffer, uint32_t size) noexcept;
    [[nodiscard]] uint64_t dropped() const noexcept { return dropped_; }
    [[nodiscard]] Port port() const noexcept { return channel_.port; }

  private:
    Result<> syscore_suspend(SyscoreContext&) noexcept;
    Result<> syscore_resume(SyscoreContext&, Outcome) noexcept;
    Result<> connect() noexcept;
    static const DriverOps kOps;

    Machine& machine_;
    EventChannels& events_;
    Bugs bugs_;
    Gfn frame_ = 0;
    Channel channel_{};
    uint64_t dropped_ = 0;
};

}  // namespace v0
}  // namespace resume
