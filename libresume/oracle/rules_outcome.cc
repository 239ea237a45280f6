// P1, L6, F4, P12: the outcome is one of three, known before ordinary code runs, the same for
// everybody, and only `resumed` does anything anew.
#include "libresume/oracle/families.h"
#include "libresume/oracle/xen_abi.h"

namespace resume::oracle {
namespace {

/// What sets something up that only a new domain lacks; null for everything else.
const char* renewal(const TraceEvent& event) {
    switch (event.kind) {
        case EventKind::memory_mapped:
            return "a page of Xen's was mapped again";
        case EventKind::vcpu_info_set:
            return "vcpu_info was registered again";
        case EventKind::port_bound:
            return "a channel was bound again";
        case EventKind::port_closed:
            return "a channel that still works was closed";
        case EventKind::ring_reset:
            return "a ring in use was reset";
        case EventKind::unplugged:
            return "emulated devices were unplugged again";
        case EventKind::param_written:
            return event.arg32 == HVM_PARAM_CALLBACK_IRQ ? "the callback was set again" : nullptr;
        case EventKind::area_registered:
            return event.arg32 == VCPUOP_register_runstate_memory_area ||
                           event.arg32 == VCPUOP_register_vcpu_time_memory_area
                       ? "a vCPU's area was registered again"
                       : nullptr;
        default:
            return nullptr;
    }
}

class OutcomeRules final : public Rules {
  public:
    [[nodiscard]] KindSet wants() const override {
        using K = EventKind;
        return KindSet{K::cycle_begin,   K::abort_requested, K::hypercall,      K::outcome_known,
                       K::cycle_end,     K::store_opened,    K::hook_begin,     K::memory_mapped,
                       K::vcpu_info_set, K::port_bound,      K::port_closed,    K::ring_reset,
                       K::unplugged,     K::param_written,   K::area_registered};
    }
    void see(Scene& scene, const TraceEvent& event) override {
        switch (event.kind) {
            case EventKind::cycle_begin:
                abort_requested_ = false;
                break;
            case EventKind::abort_requested:
                check_abort(scene);
                break;
            case EventKind::hypercall:
                if (is_suspend_hypercall(event) && abort_requested_) {
                    scene.violate("P12", "the guest went down after the suspend was called off");
                }
                break;
            case EventKind::outcome_known:
            case EventKind::cycle_end:
                compare(scene, event, event.status, name_of(event.kind));
                break;
            case EventKind::store_opened:
                if (scene.in_cycle()) {
                    compare(scene, event, static_cast<int32_t>(event.arg32), "the store's gate");
                }
                break;
            case EventKind::hook_begin:
                check_hook(scene, event);
                break;
            default:
                check_renewal(scene, event);
                break;
        }
    }

  private:
    void check_abort(Scene& scene) {
        if (abort_requested_) {
            scene.violate("P12", "the call to abort was taken twice in one cycle");
        }
        abort_requested_ = !scene.going_up();
    }

    static void compare(Scene& scene, const TraceEvent& event, int32_t said, const char* who) {
        if (said == static_cast<int32_t>(scene.outcome())) {
            return;
        }
        std::string text = std::string{who} + " says " + name_of(static_cast<Outcome>(said)) +
                           " where the outcome is " + name_of(scene.outcome());
        if (scene.returned()) {
            text += " (the hypercall returned " + std::to_string(*scene.returned()) + ")";
        }
        scene.violate("L6", std::move(text), event.device);
    }

    static void check_hook(Scene& scene, const TraceEvent& event) {
        if (!is_up(event.phase)) {
            return;
        }
        if (!scene.claimed()) {
            scene.violate("P1", "a hook of the way up ran before the outcome was known",
                          event.device);
        } else if (event.arg32 != static_cast<uint32_t>(*scene.claimed())) {
            scene.violate("F4",
                          std::string{name_of(event.phase)} + " was told " +
                              name_of(static_cast<Outcome>(event.arg32)) + " where the cycle is " +
                              name_of(*scene.claimed()),
                          event.device);
        }
        compare(scene, event, static_cast<int32_t>(event.arg32), "a hook's argument");
    }

    static void check_renewal(Scene& scene, const TraceEvent& event) {
        const char* what = renewal(event);
        if (what != nullptr && scene.in_cycle() && scene.going_up() &&
            scene.outcome() != Outcome::resumed) {
            scene.violate("L6",
                          std::string{what} + " though the cycle was " + name_of(scene.outcome()),
                          event.device);
        }
    }

    bool abort_requested_ = false;
};

}  // namespace

std::unique_ptr<Rules> outcome_rules() {
    return std::make_unique<OutcomeRules>();
}

}  // namespace resume::oracle
