// L7, L10, F3, F5: what may run before what on the way up, and what belongs to boot.
#include "libresume/oracle/families.h"
#include "libresume/oracle/xen_abi.h"

namespace resume::oracle {
namespace {

/// How early a system device comes up; what has no fixed place is 0.
int place_of(SystemRank rank) {
    switch (rank) {
        case SystemRank::hypercall_page:
            return 1;
        case SystemRank::shared_info:
            return 2;
        case SystemRank::callback:
            return 3;
        case SystemRank::event_channels:
            return 4;
        case SystemRank::timer:
            return 5;
        case SystemRank::timekeeping:
            return 6;
        default:
            return 0;
    }
}

bool sets_callback(const TraceEvent& event) {
    const bool vector = event.kind == EventKind::hypercall && event.arg32 == __HYPERVISOR_hvm_op &&
                        (event.arg64 & 0xffffffff) == HVMOP_set_evtchn_upcall_vector;
    return vector ? event.status == 0
                  : event.kind == EventKind::param_written &&
                        event.arg32 == HVM_PARAM_CALLBACK_IRQ && event.arg64 != 0;
}

class OrderRules final : public Rules {
  public:
    [[nodiscard]] KindSet wants() const override {
        using K = EventKind;
        return KindSet{K::cycle_begin,       K::hook_begin,   K::hook_end,      K::gate_allocated,
                       K::boot_code_entered, K::hypercall,    K::memory_mapped, K::param_written,
                       K::port_bound,        K::timer_armed,  K::clock_read,    K::irqs_disabled,
                       K::irqs_enabled,      K::store_request}
            .and_every_hypercall();
    }
    void see(Scene& scene, const TraceEvent& event) override {
        switch (event.kind) {
            case EventKind::cycle_begin:
                begin_cycle();
                break;
            case EventKind::hook_end:
                if (event.phase == Phase::syscore_suspend && event.status != 0) {
                    set_clock(scene.rank_of(event.device), false);
                }
                break;
            case EventKind::hook_begin:
                check_hook(scene, event);
                break;
            case EventKind::gate_allocated:
                if (scene.cycles_seen() > 0) {
                    scene.violate("L10", "an interrupt gate was allocated after boot",
                                  event.device);
                    scene.violate("F5", "a resource of the resume was not allocated beforehand",
                                  event.device);
                }
                break;
            case EventKind::boot_code_entered:
                if (event.status != 0) {
                    scene.violate("L10", "code that is gone after boot was called", event.device);
                }
                break;
            default:
                callback_ |= sets_callback(event);
                if (scene.in_cycle()) {
                    check_redo(scene, event);
                }
                break;
        }
    }

  private:
    void begin_cycle() {
        const bool had_callback = had_callback_ || callback_;
        *this = OrderRules{};
        had_callback_ = had_callback;
    }

    void check_hook(Scene& scene, const TraceEvent& event) {
        const SystemRank rank = scene.rank_of(event.device);
        const int place = place_of(rank);
        if (event.phase == Phase::syscore_suspend && place != 0) {
            if (place > lowest_down_) {
                scene.violate("L7",
                              std::string{name_of(rank)} + " went down after what it stands on",
                              event.device);
            }
            lowest_down_ = place;
        } else if (event.phase == Phase::syscore_resume && place != 0) {
            if (place < highest_up_) {
                scene.violate("L7", std::string{name_of(rank)} + " came up after what stands on it",
                              event.device);
            }
            highest_up_ = place;
        }
        note_clock(event, rank);
        if (event.phase == Phase::resume_noirq || event.phase == Phase::resume_early ||
            event.phase == Phase::resume) {
            if (irqs_off_) {
                scene.violate("L7", "a device's hook ran before interrupts were enabled",
                              event.device);
            }
            if ((rank == SystemRank::timer || rank == SystemRank::timekeeping)) {
                scene.violate("F3", "a clock is resumed among the ordinary devices", event.device);
            } else if (clock_down_ || timer_down_) {
                scene.violate("F3", "a device was resumed before the timer it may use",
                              event.device);
            }
        }
    }

    void note_clock(const TraceEvent& event, SystemRank rank) {
        const bool down = event.phase == Phase::syscore_suspend;
        if (!down && event.phase != Phase::syscore_resume) {
            return;
        }
        set_clock(rank, down);
    }

    void set_clock(SystemRank rank, bool down) {
        if (rank == SystemRank::timekeeping) {
            clock_down_ = down;
        } else if (rank == SystemRank::timer) {
            timer_down_ = down;
        }
    }

    void check_redo(Scene& scene, const TraceEvent& event) {
        const bool anew = scene.returned() && scene.may_be_fresh();
        switch (event.kind) {
            case EventKind::hypercall:
                if (is_suspend_hypercall(event)) {
                    had_callback_ |= callback_;
                    mapped_ = callback_ = bound_ = false;
                }
                break;
            case EventKind::memory_mapped:
                mapped_ |= event.arg32 == XENMAPSPACE_shared_info && event.status == 0;
                break;
            case EventKind::param_written:
                if (event.arg32 == HVM_PARAM_CALLBACK_IRQ) {
                    require(scene, anew, mapped_, "the callback was set before shared_info");
                }
                break;
            case EventKind::port_bound:
                bound_ = true;
                require(scene, anew, mapped_ && (callback_ || !had_callback_),
                        "a channel was bound before shared_info and the callback");
                break;
            case EventKind::timer_armed:
                require(scene, anew, bound_, "a timer was armed before its channel was bound");
                if (timer_down_) {
                    scene.violate("F3", "a timer was used before it was resumed", event.device);
                }
                break;
            case EventKind::clock_read:
                if (clock_down_ && event.arg32 != 2) {
                    scene.violate("F3", "a clock was read before timekeeping was resumed",
                                  event.device);
                }
                break;
            case EventKind::irqs_disabled:
                irqs_off_ |= event.cpu == 0;
                break;
            case EventKind::irqs_enabled:
                if (event.cpu == 0) {
                    irqs_off_ = false;
                    require(scene, anew, mapped_ && bound_ && (callback_ || !had_callback_),
                            "interrupts were enabled before their delivery was set up");
                }
                break;
            case EventKind::store_request:
                require(scene, anew, !irqs_off_, "the store was used before interrupts were on");
                break;
            default:
                break;
        }
    }

    static void require(Scene& scene, bool anew, bool fulfilled, const char* otherwise) {
        if (anew && scene.is_xen() && scene.sighted(Sight::hypercalls) && !fulfilled) {
            scene.violate("L7", otherwise);
        }
    }

    int lowest_down_ = 100;
    int highest_up_ = 0;
    bool mapped_ = false;
    bool callback_ = false;
    bool had_callback_ = false;
    bool bound_ = false;
    bool irqs_off_ = false;
    bool clock_down_ = false;
    bool timer_down_ = false;
};

}  // namespace

std::unique_ptr<Rules> order_rules() {
    return std::make_unique<OrderRules>();
}

}  // namespace resume::oracle
