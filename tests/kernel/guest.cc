// Putting the guest together and its main loop.
#include "tests/kernel/guest.h"

#include <new>

#include "libresume/platform/xen.h"
#include "tests/kernel/instructions.h"
#include "tests/kernel/machine_state.h"
#include "tests/kernel/trace_dump.h"

namespace kernel {
namespace {

using resume::Errc;
using resume::Machine;
using resume::Outcome;
using resume::Result;

constinit Guest* g_guest = nullptr;

void write_console(const char* data, uint32_t size) noexcept {
    constexpr uint64_t kPatienceSeconds = 5;
    g_guest->xen().console().write_all(data, size, read_tsc() + kPatienceSeconds * g_machine.hz);
}

void need(const Result<>& result, const char* what) noexcept {
    if (!result.ok()) {
        print(Line{}
                  .text(what)
                  .text(": ")
                  .text(name_of(result.error().code))
                  .text(" detail=")
                  .signed_decimal(result.error().detail));
        resume::panic("boot fails", __FILE__, __LINE__);
    }
}

Result<> freeze(void* traffic, resume::Ticks) noexcept {
    static_cast<Traffic*>(traffic)->freeze();
    return {};
}

void thaw(void* traffic, Outcome) noexcept {
    static_cast<Traffic*>(traffic)->thaw();
}

/// The interrupt was all: the vCPU's idle loop does the rest.
void on_ipi(void*, uint32_t) noexcept {}

void wake_by_channel(void* guest, uint32_t cpu) noexcept {
    static_cast<resume::XenGuest*>(guest)->send_ipi(cpu);
}

struct BootOfCpu {
    resume::XenGuest& guest;
    resume::BootContext& boot;
};

KERNEL_BOOT_CODE void boot_cpu(Machine&, uint32_t cpu, void* argument) noexcept {
    auto& of = *static_cast<BootOfCpu*>(argument);
    if (cpu != 0) {
        need(of.guest.boot_cpu(of.boot), "vCPU");
    }
}

}  // namespace

resume::XenGuestConfig Guest::config(Guest& guest, const CommandLine& words,
                                     const resume::GuestPages& pages) noexcept {
    resume::XenGuestConfig config{};
    config.pages = pages;
    config.callback = words.callback;
    config.tasks = {.tasks = &guest.traffic_, .freeze = &freeze, .thaw = &thaw};
    config.ipi = &on_ipi;
    if (words.seed != 0) {
        config.policy.order = resume::Policy::Order::by_seed;
        config.policy.seed = words.seed;
    }
    config.bugs = words.bugs;
    config.run_on_parked = &run_on_parked;
    return config;
}

Guest::Guest(Machine& machine, const CommandLine& words, const resume::GuestPages& pages) noexcept
    : machine_{machine},
      words_{words},
      xen_{machine, config(*this, words, pages)},
      disk_{machine, xen_, words},
      net_{machine, xen_, words},
      balloon_{machine, xen_, words},
      handshake_{machine,
                 xen_.store(),
                 {.handled = resume::ShutdownWords{}
                                 .with(resume::ShutdownWord::suspend)
                                 .with(resume::ShutdownWord::poweroff),
                  .ack_only = words.bugs.has(resume::Bug::ack_only)}} {
    g_guest = this;
}

KERNEL_BOOT_CODE void Guest::boot(resume::BootContext& boot) noexcept {
    need(xen_.boot(boot), "drivers");
    set_console(&write_console);
    BootOfCpu each{xen_, boot};
    on_each_cpu(machine_, boot_cpu, &each);
    machine_.wake = &wake_by_channel;
    machine_.wake_argument = &xen_;
    add_devices();
    describe_devices();
}

KERNEL_BOOT_CODE void Guest::add_devices() noexcept {
    RESUME_ASSERT(words_.devices <= kMaxDevices);
    PlainDevice* parent = nullptr;
    for (uint32_t i = 0; i < words_.devices; ++i) {
        const Line name = Line{}.text("plain-").decimal(i);
        __builtin_memcpy(names_[i], name.data(), name.size());
        // Every third hangs below the one before it; every second finishes later, if it ticks.
        const uint32_t delay = words_.tick_ms != 0 && i % 2 == 1 ? 1 + i % 3 : 0;
        auto* device = new (devices_[i]) PlainDevice{names_[i], delay};
        need(xen_.add(*device, i % 3 == 2 ? parent : nullptr), names_[i]);
        parent = device;
        ++device_count_;
    }
    need(disk_.add(), "disk");
    need(net_.add(), "net");
    need(balloon_.add(), "balloon");
}

KERNEL_BOOT_CODE void Guest::describe_devices() noexcept {
    const resume::Device* drivers[kDrivers] = {
        &xen_.hypercall_page(), &xen_.shared_info(), &xen_.callback(), &xen_.events(),
        &xen_.timer(),          &xen_.time(),        &xen_.grants(),   &xen_.unplug(),
        &xen_.console(),        &xen_.store(),       &disk_.device(),  &net_.device(),
        &balloon_.device()};
    uint32_t count = 0;
    for (uint32_t i = 0; i < kDrivers + device_count_; ++i) {
        const resume::Device& device =
            i < kDrivers ? *drivers[i]
                         : *std::launder(reinterpret_cast<PlainDevice*>(devices_[i - kDrivers]));
        if (device.registered()) {
            const resume::Device* parent = device.parent();
            table_[count++] = {.id = device.id(),
                               .parent = parent != nullptr ? parent->id() : resume::kNoDevice,
                               .rank = device.ops().rank,
                               .name = device.name()};
        }
    }
    head_.frequency = machine_.hz;
    head_.guest = "xen-pvh";
    head_.vcpus = machine_.cpus;
    head_.sights = resume::Sight::platform | resume::Sight::hypercalls;
    head_.devices = table_;
    head_.device_count = count;
    set_trace_head(&head_);
}

void Guest::start() noexcept {
    ticker_.start(machine_, xen_, words_.tick_ms, []() noexcept { g_guest->tick(); });
    need(handshake_.start(), "control/shutdown");
    command_.path = "data/lab/command";
    command_.fired = [](void* fired, const char*) noexcept { *static_cast<bool*>(fired) = true; };
    command_.argument = &command_fired_;
    need(xen_.store().watch(command_), command_.path);
    publish(Outcome::resumed);
    if (words_.traffic) {
        traffic_.start(machine_, xen_.store());
    }
    need(disk_.start(), "disk");
    need(net_.start(), "net");
    balloon_.start();
    print(Line{}
              .text("READY cpus=")
              .decimal(machine_.cpus)
              .text(" bug=")
              .text(words_.bug_names)
              .text(" events=")
              .text(xen_.events().fifo() ? "fifo" : "2-level"));
}

void Guest::tick() noexcept {
    for (uint32_t i = 0; i < device_count_; ++i) {
        std::launder(reinterpret_cast<PlainDevice*>(devices_[i]))->tick();
    }
}

void Guest::run() noexcept {
    for (;;) {
        xen_.pump();
        watch_clock();
        traffic_.run();
        disk_.run();
        net_.run();
        balloon_.run();
        if (handshake_.fired()) {
            look_for_request();
        } else if (command_fired_) {
            look_for_command();
        } else {
            wait_for_interrupt(machine_, read_tsc() + machine_.hz);
        }
    }
}

}  // namespace kernel
