#include "tests/stress/campaign/chooser.h"

#include <string_view>

#include "drivers/model/store/embedded.h"

namespace resume::stress {

namespace {

/// Whose b is a time, or a number that depends on who asked first.
bool counts_arg64(EventKind kind) {
    return kind == EventKind::hypercall || kind == EventKind::watch_added ||
           kind == EventKind::watch_removed || kind == EventKind::param_written ||
           kind == EventKind::memory_mapped;
}

/// That time passes, or that somebody was woken, is not what a guest has come to.
bool is_state(EventKind kind) {
    switch (kind) {
        case EventKind::timer_armed:
        case EventKind::timer_fired:
        case EventKind::clock_read:
        case EventKind::eoi:
        case EventKind::upcall:
        case EventKind::watch_event:
        case EventKind::port_notified:
        case EventKind::ring_used:
        case EventKind::device_added:
            return false;
        default:
            return true;
    }
}

bool is_hypercall_of_time(const TraceEvent& event) {
    return event.kind == EventKind::hypercall &&
           (event.arg32 == __HYPERVISOR_event_channel_op || event.arg32 == __HYPERVISOR_vcpu_op);
}

uint64_t hash_of(std::string_view text) {
    Digest digest;
    for (const char c : text) {
        digest.add(static_cast<unsigned char>(c));
    }
    return digest.value();
}

uint64_t nodes_below(const model::StoreTree& tree, const std::string& path) {
    uint64_t sum = mixed(hash_of(path) + mixed(hash_of(tree.find(path)->value)));
    for (const std::string& name : tree.children(path)) {
        sum += nodes_below(tree, (path == "/" ? path : path + "/") + name);
    }
    return sum;
}

/// The store's nodes, the channels, who may run, what was said on the console.
uint64_t state_of(Machine& machine) {
    uint64_t sum = mixed(hash_of(machine.console.text()) + machine.domain.id());
    if (auto* const store = dynamic_cast<model::EmbeddedStore*>(machine.store.get())) {
        sum += nodes_below(store->daemon().tree(), "/");
    }
    constexpr Port kPorts = 256;
    for (Port port = 1; port < kPorts; ++port) {
        if (const model::Channel* const channel = machine.channels.find(port)) {
            sum += mixed(uint64_t{port} << 32 | static_cast<uint64_t>(channel->kind) << 24 |
                         uint64_t{channel->virq} << 16 | channel->vcpu);
        }
    }
    for (uint32_t cpu = 0; cpu < machine.vcpus.count(); ++cpu) {
        const model::Vcpu& vcpu = machine.vcpus.at(cpu);
        sum += mixed(uint64_t{cpu} << 8 | (vcpu.irqs_on ? 1U : 0U) | (vcpu.parked ? 2U : 0U));
    }
    return sum;
}

}  // namespace

void Chooser::listen(bool on) {
    if (on) {
        seen_ = trace_->size();
    } else {
        end_state_ = state() + mixed(state_of(*machine_));
    }
    on_ = on;
}

void Chooser::note(const TraceEvent& event) {
    if (!is_state(event.kind) || is_hypercall_of_time(event)) {
        return;
    }
    Digest digest;
    digest.add(static_cast<uint64_t>(event.kind) | static_cast<uint64_t>(event.phase) << 8 |
               uint64_t{event.arg32} << 16);
    digest.add(static_cast<uint32_t>(event.status));
    digest.add(counts_arg64(event.kind) ? event.arg64 : 0);
    if (event.device != kNoDevice) {
        of_device_[event.device].add(digest.value());
    } else {
        others_ += mixed(digest.value());
    }
}

uint64_t Chooser::state() {
    trace_->each_from(seen_, [this](const TraceEvent& event) { note(event); });
    seen_ = trace_->size();
    uint64_t sum = others_;
    for (const auto& [device, digest] : of_device_) {
        sum += mixed(digest.value() + mixed(device));
    }
    return sum;
}

uint32_t Chooser::choose(void* self, uint32_t ready) noexcept {
    auto& chooser = *static_cast<Chooser*>(self);
    if (!chooser.on_) {
        return 0;
    }
    const model::HostSection host{*chooser.machine_};
    return chooser.next(ready);
}

uint32_t Chooser::next(uint32_t ready) {
    Point point;
    point.event = trace_->size();
    point.state = state();
    engine_->each_device(
        [](void* ids, const Device& device) noexcept {
            if (device.ready()) {
                static_cast<std::vector<DeviceId>*>(ids)->push_back(device.id());
            }
        },
        &point.ready);
    RESUME_ASSERT(point.ready.size() == ready);
    points_.push_back(std::move(point));
    const size_t number = points_.size() - 1;
    return number < choices_.size() && choices_[number] < ready ? choices_[number] : 0;
}

}  // namespace resume::stress
