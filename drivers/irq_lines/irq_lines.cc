#include "drivers/irq_lines/irq_lines.h"

#include "drivers/support/boot_code.h"
#include "drivers/support/emit.h"

namespace resume {
inline namespace v0 {

RESUME_BOOT_CODE Result<> IrqLines::attach(BootContext& boot, IrqLine& line) noexcept {
    RESUME_ASSERT(line.lines == nullptr);
    const Result<uint8_t> vector = allocate_irq_gate(machine_, boot, &IrqLines::on_irq, &line);
    if (!vector.ok()) {
        return vector.error();
    }
    line.vector = vector.value();
    line.lines = this;
    line.next = first_;
    first_ = &line;
    return {};
}

void IrqLines::on_irq(Machine& machine, uint32_t, void* argument) noexcept {
    auto& line = *static_cast<IrqLine*>(argument);
    apic_eoi(machine);
    line.lines->take(line);
}

void IrqLines::take(IrqLine& line) noexcept {
    if (line.wakes && on_wake_ != nullptr &&
        !__atomic_exchange_n(&woken_, true, __ATOMIC_ACQ_REL)) {
        on_wake_(argument_);
    }
    if (masked_) {
        line.kept = true;
        return;
    }
    handle(line);
}

void IrqLines::handle(IrqLine& line) noexcept {
    line.kept = false;
    emit(machine_, line.owner != nullptr ? line.owner->id() : kNoDevice, EventKind::upcall,
         line.vector);
    line.handler(line.argument);
}

void IrqLines::arm(void (*woken)(void*) noexcept, void* argument) noexcept {
    forget_wakeup();
    argument_ = argument;
    on_wake_ = woken;
}

void IrqLines::disarm() noexcept {
    on_wake_ = nullptr;
}

void IrqLines::mask() noexcept {
    masked_ = true;
    emit(machine_, kNoDevice, EventKind::device_irqs_masked);
}

void IrqLines::unmask() noexcept {
    masked_ = false;
    emit(machine_, kNoDevice, EventKind::device_irqs_unmasked);
    for (IrqLine* line = first_; line != nullptr; line = line->next) {
        if (line->kept) {
            handle(*line);
        }
    }
}

}  // namespace v0
}  // namespace resume
