// The engine's inventory: what is registered, and how the trace comes to know its names.
#include "libresume/engine.h"

namespace resume {
inline namespace v0 {

Result<> Engine::add(Device& device, Device* parent) noexcept {
    if (running()) {
        return Errc::busy;
    }
    RESUME_TRY(tree_.add(device, parent, queue_));
    write_device(device);
    return {};
}

Result<> Engine::remove(Device& device) noexcept {
    if (!tree_.has(device) || tree_.has_children(device)) {
        return Errc::invalid;
    }
    if (running()) {
        device.removed_ = true;
        removals_ = true;
        return Errc::busy;
    }
    if (device.completion_.strays.load(std::memory_order_acquire) != 0) {
        scheduler_.trace_strays();
    }
    const DeviceId id = device.id();
    RESUME_TRY(tree_.remove(device));
    trace_of(machine_).write(
        {.ticks = raw_counter(machine_), .device = id, .kind = EventKind::device_removed});
    return {};
}

Result<> Engine::link(DeviceLink& link, Device& consumer, Device& supplier) noexcept {
    if (running()) {
        return Errc::busy;
    }
    RESUME_TRY(tree_.link(link, consumer, supplier));
    trace_of(machine_).write({.ticks = raw_counter(machine_),
                              .arg32 = supplier.id(),
                              .device = consumer.id(),
                              .kind = EventKind::device_linked});
    return {};
}

void Engine::unlink(DeviceLink& link) noexcept {
    RESUME_ASSERT(!running());
    tree_.unlink(link);
}

void Engine::each_device(void (*see)(void* argument, const Device& device) noexcept,
                         void* argument) noexcept {
    RESUME_ASSERT(see != nullptr);
    for (const Device& device : tree_.order()) {
        see(argument, device);
    }
}

uint32_t Engine::device_count() const noexcept {
    return tree_.size();
}

void Engine::write_device(const Device& device) noexcept {
    RESUME_ASSERT(device.registered());
    trace_of(machine_).write({.ticks = raw_counter(machine_),
                              .arg64 = static_cast<uint64_t>(device.ops().rank),
                              .arg32 = device.parent() != nullptr ? device.parent()->id() : 0,
                              .device = device.id(),
                              .kind = EventKind::device_added});
}

void Engine::write_links(const Device& device) noexcept {
    for (const DeviceLink& link : device.suppliers_) {
        if (&link == &device.parent_link_) {
            continue;
        }
        trace_of(machine_).write({.ticks = raw_counter(machine_),
                                  .arg32 = link.supplier()->id(),
                                  .device = device.id(),
                                  .kind = EventKind::device_linked});
    }
}

// A trace that was printed and cleared starts with the inventory again: no id is used before it is
// introduced.
void Engine::write_inventory() noexcept {
    RESUME_ASSERT(trace_clears_ != trace_of(machine_).clears());
    for (const Device& device : tree_.order()) {
        write_device(device);
        write_links(device);
    }
    trace_clears_ = trace_of(machine_).clears();
}

// What was removed in mid-cycle leaves now, children before their parents.
void Engine::drop_removed() noexcept {
    if (!removals_) {
        return;
    }
    removals_ = false;
    auto& order = tree_.order();
    for (auto it = order.end(); it != order.begin();) {
        --it;
        Device& device = *it;
        if (!device.removed_) {
            continue;
        }
        ++it;
        const DeviceId id = device.id();
        const Result<> gone = tree_.remove(device);
        RESUME_ASSERT(gone.ok());
        trace_of(machine_).write(
            {.ticks = raw_counter(machine_), .device = id, .kind = EventKind::device_removed});
    }
}

Completer ThreadContext::defer() noexcept {
    RESUME_ASSERT(!deferred_);
    RESUME_ASSERT(engine_->running());
    deferred_ = true;
    return Completer{*device_, CompletionQueue::arm(*device_)};
}

DomainEvidence ThreadContext::evidence() const noexcept {
    return engine_->evidence();
}

DomainEvidence SyscoreContext::evidence() const noexcept {
    return engine_->evidence();
}

// A domain is only new or old once the guest was away and back; in the other outcomes it is the
// same one by definition, and nobody asks.
void SyscoreContext::set_evidence(DomainEvidence evidence) noexcept {
    RESUME_ASSERT(engine_->running());
    if (engine_->result_.outcome == Outcome::resumed) {
        engine_->result_.evidence = evidence;
    }
}

}  // namespace v0
}  // namespace resume
