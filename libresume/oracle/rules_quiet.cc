// L1, L2, L23, F1, F2, D1: how quiet the guest is when it goes down, and that all of it is undone.
#include "libresume/oracle/families.h"
#include "libresume/oracle/flat_set.h"

namespace resume::oracle {
namespace {

class QuietRules final : public Rules {
  public:
    [[nodiscard]] KindSet wants() const override {
        using K = EventKind;
        return KindSet{K::irqs_disabled, K::irqs_enabled,       K::cpu_parked,
                       K::cpu_unparked,  K::device_irqs_masked, K::device_irqs_unmasked,
                       K::store_closed,  K::store_opened,       K::task_frozen,
                       K::task_thawed,   K::guest_at_shutdown,  K::hypercall,
                       K::upcall,        K::cycle_begin,        K::cycle_end};
    }
    void see(Scene& scene, const TraceEvent& event) override {
        note_state(event);
        switch (event.kind) {
            case EventKind::task_frozen:
                check_task(scene, event);
                break;
            case EventKind::guest_at_shutdown:
                seen_at_shutdown_ = true;
                check_sighting(scene, event);
                break;
            case EventKind::hypercall:
                if (is_suspend_hypercall(event)) {
                    check_going_down(scene, event);
                }
                break;
            case EventKind::upcall:
                if (masked_ && scene.in_cycle() && event.device != kNoDevice &&
                    scene.rank_of(event.device) == SystemRank::none) {
                    scene.violate("D1", "a device's handler ran while device interrupts are masked",
                                  event.device);
                }
                break;
            case EventKind::cycle_begin:
                seen_at_shutdown_ = false;
                break;
            case EventKind::cycle_end:
                check_undone(scene);
                break;
            default:
                break;
        }
    }

  private:
    void note_state(const TraceEvent& event) {
        switch (event.kind) {
            case EventKind::irqs_disabled:
                irqs_off_.insert(event.cpu);
                break;
            case EventKind::irqs_enabled:
                irqs_off_.erase(event.cpu);
                break;
            case EventKind::cpu_parked:
                parked_.insert(event.arg32);
                break;
            case EventKind::cpu_unparked:
                parked_.erase(event.arg32);
                break;
            case EventKind::device_irqs_masked:
                masked_ = true;
                break;
            case EventKind::device_irqs_unmasked:
                masked_ = false;
                break;
            case EventKind::store_closed:
                store_closed_ = true;
                break;
            case EventKind::store_opened:
                store_closed_ = false;
                break;
            case EventKind::task_frozen:
                frozen_.insert(event.arg32);
                break;
            case EventKind::task_thawed:
                frozen_.erase(event.arg32);
                break;
            default:
                break;
        }
    }

    static void check_task(Scene& scene, const TraceEvent& event) {
        if (event.status != 0) {
            scene.violate("F1", "task " + std::to_string(event.arg32) +
                                    " was stopped while it was inside the store");
        }
        if (event.arg32 == 0) {
            scene.violate("L23", "the thread that drives the suspend was frozen");
        }
    }

    void check_sighting(Scene& scene, const TraceEvent& event) const {
        if (!masked_ && !scene.is_xen()) {
            scene.violate("D1", "device interrupts were not masked when the guest went down");
        }
        if (event.arg32 != 0) {
            scene.violate("L1", "other vCPUs could still run at the hypercall");
        }
        if (event.status != 0) {
            scene.violate("L1", "the hypercall was made with interrupts on");
        }
        if (event.device != 0) {
            scene.violate("F1", std::to_string(event.device) + " tasks still ran at the hypercall");
        }
        if ((event.arg64 & 0xffffffff) != 0) {
            scene.violate("L4", "part of a message was in the store's ring at the hypercall");
        }
    }

    void check_going_down(Scene& scene, const TraceEvent& event) {
        if (event.cpu != 0) {
            scene.violate("L2", "the hypercall was made on vCPU " + std::to_string(event.cpu));
        }
        if (!scene.in_cycle()) {
            return;
        }
        if (!seen_at_shutdown_ && !irqs_off_.contains(event.cpu)) {
            scene.violate("L1", "interrupts were not disabled before the hypercall");
        }
        if (!seen_at_shutdown_ && parked_.size() + 1 < scene.view().vcpus) {
            scene.violate("L1", std::to_string(scene.view().vcpus - 1 - parked_.size()) +
                                    " vCPUs were not parked at the hypercall");
        }
        if (!masked_) {
            scene.violate("D1", "device interrupts were not masked at the hypercall");
        }
        if (!store_closed_) {
            scene.violate("L4", "the store's gate was open at the hypercall");
        }
    }

    void check_undone(Scene& scene) const {
        for (const uint32_t cpu : irqs_off_) {
            scene.violate("F2", "interrupts of vCPU " + std::to_string(cpu) + " stayed off");
        }
        for (const uint32_t cpu : parked_) {
            scene.violate("F2", "vCPU " + std::to_string(cpu) + " stayed parked");
        }
        for (const uint32_t task : frozen_) {
            scene.violate("F2", "task " + std::to_string(task) + " was never thawed");
        }
        if (masked_) {
            scene.violate("F2", "device interrupts stayed masked");
        }
        if (store_closed_) {
            scene.violate("F2", "the store's gate stayed closed");
        }
    }

    FlatSet<uint32_t> irqs_off_;
    FlatSet<uint32_t> parked_;
    FlatSet<uint32_t> frozen_;
    bool masked_ = false;
    bool store_closed_ = false;
    bool seen_at_shutdown_ = false;
};

}  // namespace

std::unique_ptr<Rules> quiet_rules() {
    return std::make_unique<QuietRules>();
}

}  // namespace resume::oracle
