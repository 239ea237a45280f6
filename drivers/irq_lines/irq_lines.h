// The interrupts of ordinary devices: masked as a whole while the guest goes down, kept meanwhile
// and told when they are unmasked (Linux: kernel/irq/pm.c). A line that may wake the guest is
// looked at even while masked; the first that fires is latched and tells the engine, whoever asks
// later gets the same answer (P12).
#pragma once

#include "libresume/boot_context.h"
#include "libresume/device.h"

namespace resume {
inline namespace v0 {

class IrqLines;

/// One line; memory of its driver's, which outlives the guest's running. `handler` is called with
/// the interrupted CPU's interrupts off, or in thread context for what was kept while masked.
struct IrqLine {
    void (*handler)(void* argument) noexcept = nullptr;
    void* argument = nullptr;
    const Device* owner = nullptr;  ///< for the trace
    bool wakes = false;
    // The driver's from here on.
    IrqLines* lines = nullptr;
    IrqLine* next = nullptr;
    uint8_t vector = 0;
    bool kept = false;
};

class IrqLines {
  public:
    explicit IrqLines(Machine& machine) noexcept : machine_{machine} {}
    IrqLines(const IrqLines&) = delete;
    IrqLines& operator=(const IrqLines&) = delete;

    /// Boot: takes a gate for the line. no_space when vectors are used up.
    Result<> attach(BootContext& boot, IrqLine& line) noexcept;

    /// From arm() to disarm() a line that wakes calls `woken` once, from its interrupt.
    void arm(void (*woken)(void* argument) noexcept, void* argument) noexcept;
    void disarm() noexcept;
    [[nodiscard]] bool woken() const noexcept { return __atomic_load_n(&woken_, __ATOMIC_ACQUIRE); }
    /// Bug wakeup_asked_twice only.
    void forget_wakeup() noexcept { __atomic_store_n(&woken_, false, __ATOMIC_RELEASE); }

    /// Thread context, CPU 0. What came meanwhile is handled by unmask().
    void mask() noexcept;
    void unmask() noexcept;

  private:
    static void on_irq(Machine& machine, uint32_t cpu, void* argument) noexcept;
    void take(IrqLine& line) noexcept;
    void handle(IrqLine& line) noexcept;

    Machine& machine_;
    IrqLine* first_ = nullptr;
    void (*on_wake_)(void*) noexcept = nullptr;
    void* argument_ = nullptr;
    bool masked_ = false;
    bool woken_ = false;
};

}  // namespace v0
}  // namespace resume
