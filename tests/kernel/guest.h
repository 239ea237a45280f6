// The test guest: libresume's drivers, some devices, a task, the handshake, and the lab's commands.
#pragma once

#include "drivers/xen_guest/xen_guest.h"
#include "libresume/trace_text.h"
#include "tests/kernel/balloon.h"
#include "tests/kernel/command_line.h"
#include "tests/kernel/disk.h"
#include "tests/kernel/net.h"
#include "tests/kernel/plain_device.h"
#include "tests/kernel/ticker.h"
#include "tests/kernel/traffic.h"
#include "xen/handshake/handshake.h"

namespace kernel {

class Guest {
  public:
    Guest(resume::Machine& machine, const CommandLine& words,
          const resume::GuestPages& pages) noexcept;

    /// Boot-only code: drivers and devices, interrupts still off. Panics when one does not come up.
    void boot(resume::BootContext& boot) noexcept;
    /// Thread context, after boot: the store's users, then READY.
    void start() noexcept;
    /// For ever.
    [[noreturn]] void run() noexcept;

    [[nodiscard]] resume::XenGuest& xen() noexcept { return xen_; }
    /// From the timer's interrupt of CPU 0.
    void tick() noexcept;

  private:
    static constexpr uint32_t kMaxDevices = 64;
    static constexpr uint32_t kDrivers = 13;

    static resume::XenGuestConfig config(Guest& guest, const CommandLine& words,
                                         const resume::GuestPages& pages) noexcept;
    void add_devices() noexcept;
    void describe_devices() noexcept;
    [[nodiscard]] const char* device_name(resume::DeviceId id) const noexcept;

    void look_for_request() noexcept;
    void cycle() noexcept;
    void report(const resume::CycleResult& result) noexcept;
    void publish(resume::Outcome outcome) noexcept;
    void write_node(const char* path, const Line& value) noexcept;

    void look_for_command() noexcept;
    void obey(const char* word) noexcept;
    void refuse_next() noexcept;
    void watch_clock() noexcept;
    [[noreturn]] void stop() noexcept;

    resume::Machine& machine_;
    CommandLine words_;
    resume::XenGuest xen_;
    Disk disk_;
    Net net_;
    Balloon balloon_;
    resume::Handshake<resume::Store> handshake_;
    resume::StoreWatch command_{};
    bool command_fired_ = false;
    bool refuses_late_ = false;
    Ticker ticker_{};
    Traffic traffic_{};
    uint32_t cycles_ = 0;
    uint32_t device_count_ = 0;
    alignas(PlainDevice) uint8_t devices_[kMaxDevices][sizeof(PlainDevice)] = {};
    char names_[kMaxDevices][16] = {};
    resume::TraceDevice table_[kMaxDevices + kDrivers] = {};
    resume::TraceTextInfo head_{};
};

}  // namespace kernel
