#include "libresume/device_tree.h"

namespace resume {
inline namespace v0 {

Device::~Device() {
    RESUME_ASSERT(!registered());
    RESUME_ASSERT(tree_ == nullptr);
}

DeviceTree::~DeviceTree() {
    while (!order_.empty()) {
        forget(order_.back());
    }
    RESUME_ASSERT(size_ == 0);
}

Result<> DeviceTree::add(Device& device, Device* parent, CompletionQueue& queue) noexcept {
    if (device.registered()) {
        return Errc::exists;
    }
    if (parent != nullptr && !has(*parent)) {
        return Errc::invalid;
    }
    RESUME_ASSERT(last_id_ != UINT32_MAX);
    device.id_ = ++last_id_;
    device.index_ = ++last_index_;  // behind everything there is, its parent too
    device.tree_ = this;
    device.queue_ = &queue;
    device.parent_ = parent;
    device.removed_ = false;
    device.went_down_ = 0;
    order_.push_back(device);
    if (parent != nullptr) {
        attach(device.parent_link_, device, *parent);
    }
    if (device.is_system()) {
        auto behind = system_.end();
        for (auto it = behind; it != system_.begin();) {
            --it;
            if (it->ops().rank <= device.ops().rank) {
                break;
            }
            behind = it;
        }
        system_.insert(behind, device);
    }
    ++size_;
    return {};
}

Result<> DeviceTree::remove(Device& device) noexcept {
    if (!has(device) || has_children(device)) {
        return Errc::invalid;
    }
    forget(device);
    return {};
}

bool DeviceTree::has_children(const Device& device) const noexcept {
    for (const DeviceLink& link : device.consumers_) {
        if (link.consumer_->parent_ == &device && !link.consumer_->removed_) {
            return true;
        }
    }
    return false;
}

void DeviceTree::forget(Device& device) noexcept {
    RESUME_ASSERT(has(device));
    RESUME_ASSERT(device.state_ == Device::State::idle);
    while (!device.suppliers_.empty()) {
        detach(device.suppliers_.front());
    }
    while (!device.consumers_.empty()) {
        detach(device.consumers_.front());
    }
    order_.erase(order_.iterator_to(device));
    if (device.system_hook_.is_linked()) {
        system_.erase(system_.iterator_to(device));
    }
    device.parent_ = nullptr;
    device.tree_ = nullptr;
    device.queue_ = nullptr;
    device.id_ = kNoDevice;
    --size_;
}

Result<> DeviceTree::link(DeviceLink& link, Device& consumer, Device& supplier) noexcept {
    if (link.consumer_ != nullptr) {
        return Errc::exists;
    }
    if (!has(consumer) || !has(supplier)) {
        return Errc::invalid;
    }
    if (&consumer == &supplier) {
        return Error{.code = Errc::cycle, .device = consumer.id_};
    }
    fix_order();
    if (supplier.index_ > consumer.index_) {
        if (reaches(consumer, supplier)) {
            return Error{.code = Errc::cycle, .device = consumer.id_};
        }
        ordered_ = false;
    }
    attach(link, consumer, supplier);
    return {};
}

void DeviceTree::unlink(DeviceLink& link) noexcept {
    if (link.consumer_ != nullptr) {
        RESUME_ASSERT(has(*link.consumer_));
        detach(link);  // an order that was right stays right with one edge less
    }
}

void DeviceTree::attach(DeviceLink& link, Device& consumer, Device& supplier) noexcept {
    RESUME_ASSERT(link.consumer_ == nullptr);
    link.consumer_ = &consumer;
    link.supplier_ = &supplier;
    consumer.suppliers_.push_back(link);
    supplier.consumers_.push_back(link);
}

void DeviceTree::detach(DeviceLink& link) noexcept {
    RESUME_ASSERT(link.consumer_ != nullptr);
    link.consumer_->suppliers_.erase(SupplierLinks::s_iterator_to(link));
    link.supplier_->consumers_.erase(ConsumerLinks::s_iterator_to(link));
    link.consumer_ = nullptr;
    link.supplier_ = nullptr;
}

// Whatever is reachable from a device through its consumers stands behind it in the order, so
// marking forward from it, up to `to`, needs neither a stack nor a visited list.
bool DeviceTree::reaches(Device& from, const Device& to) noexcept {
    RESUME_ASSERT(ordered_);
    RESUME_ASSERT(from.index_ < to.index_);
    auto marked = order_.iterator_to(from);
    from.waits_for_ = 1;
    for (; &*marked != &to; ++marked) {
        if (marked->waits_for_ == 0) {
            continue;
        }
        for (DeviceLink& link : marked->consumers_) {
            link.consumer_->waits_for_ = 1;
        }
    }
    const bool found = to.waits_for_ != 0;
    for (auto it = order_.iterator_to(from); it != order_.end(); ++it) {
        it->waits_for_ = 0;
    }
    return found;
}

// Kahn's algorithm. What has no unplaced supplier waits in `ready` in the old order, so devices
// move only where a link demands it.
void DeviceTree::fix_order() noexcept {
    if (ordered_) {
        return;
    }
    TurnSet ready;
    const auto enlist = [&](Device& device) noexcept {
        if (device.waits_for_ == 0) {
            device.turn_ = device.index_;
            ready.insert(device);
        }
    };
    for (Device& device : order_) {
        RESUME_ASSERT(device.state_ == Device::State::idle);
        device.waits_for_ = static_cast<uint32_t>(device.suppliers_.size());
        enlist(device);
    }
    order_.clear();
    uint32_t index = 0;
    while (!ready.empty()) {
        Device& device = *ready.begin();
        ready.erase(ready.begin());
        order_.push_back(device);
        device.index_ = ++index;
        for (DeviceLink& link : device.consumers_) {
            --link.consumer_->waits_for_;
            enlist(*link.consumer_);
        }
    }
    RESUME_ASSERT(index == size_);
    last_index_ = index;
    ordered_ = true;
}

}  // namespace v0
}  // namespace resume
