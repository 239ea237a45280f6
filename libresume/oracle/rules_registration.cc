// L8, L9, L11, L12 (and what L7 wants to be there again): what a new domain lacks is set up anew,
// once, and nothing is done in the old one's name.
#include "libresume/oracle/families.h"
#include "libresume/oracle/flat_set.h"
#include "libresume/oracle/xen_abi.h"

#include <utility>

namespace resume::oracle {
namespace {

constexpr uint32_t sub_operation(const TraceEvent& event) {
    return static_cast<uint32_t>(event.arg64 & 0xffffffff);
}
constexpr uint32_t first_argument(const TraceEvent& event) {
    return static_cast<uint32_t>(event.arg64 >> 32);
}

/// What the guest has set up in one domain's life.
struct Life {
    FlatSet<uint32_t> ports;
    FlatSet<uint64_t> sources;                         ///< VIRQs and IPIs by kind and vcpu
    FlatSet<std::pair<uint32_t, uint64_t>> source_of;  ///< the same by port
    FlatSet<uint32_t> vcpu_infos;
    FlatSet<uint32_t> vectors;  ///< vCPUs with an upcall vector of their own
    FlatSet<uint32_t> params_read;
    bool shared_info = false;
    bool callback = false;
    bool grants_agreed = false;
    bool grants_mapped = false;

    void begin_anew() {
        ports.clear();
        sources.clear();
        source_of.clear();
        vcpu_infos.clear();
        vectors.clear();
        params_read.clear();
        shared_info = callback = grants_agreed = grants_mapped = false;
    }
};

class RegistrationRules final : public Rules {
  public:
    [[nodiscard]] KindSet wants() const override {
        using K = EventKind;
        return KindSet{K::hypercall,     K::evidence,      K::cycle_begin, K::cycle_end,
                       K::memory_mapped, K::param_written, K::param_read,  K::port_bound,
                       K::port_closed,   K::port_notified, K::port_stale,  K::vcpu_info_set,
                       K::grant_made,    K::cpu_online,    K::cpu_offline}
            .and_every_hypercall();
    }
    void see(Scene& scene, const TraceEvent& event) override {
        if (!scene.is_xen()) {
            return;
        }
        if (event.kind == EventKind::hypercall) {
            see_hypercall(scene, event);
        } else if (event.kind == EventKind::evidence && scene.evidence() == DomainEvidence::same &&
                   anew_) {
            now_ = before_;
            anew_ = false;
        } else if (event.kind == EventKind::cycle_begin) {
            // A trace that begins in mid-history does not say what was bound before it.
            history_known_ |= now_.shared_info;
            anew_ = false;
        } else if (event.kind == EventKind::cycle_end) {
            check_complete(scene);
        } else {
            note(scene, event);
        }
    }

  private:
    void see_hypercall(Scene& scene, const TraceEvent& event) {
        if (is_suspend_hypercall(event)) {
            if (event.status == 0) {
                std::swap(before_, now_);
                now_.begin_anew();
                anew_ = true;
            }
        } else if (event.arg32 == __HYPERVISOR_hvm_op && event.status == 0 &&
                   sub_operation(event) == HVMOP_set_evtchn_upcall_vector) {
            now_.vectors.insert(first_argument(event));
        } else if (event.arg32 == __HYPERVISOR_grant_table_op && event.status == 0) {
            const uint32_t what = sub_operation(event);
            now_.grants_agreed |= what == GNTTABOP_query_size || what == GNTTABOP_get_version ||
                                  what == GNTTABOP_set_version || what == GNTTABOP_setup_table;
        }
        (void)scene;
    }

    void note(Scene& scene, const TraceEvent& event) {
        switch (event.kind) {
            case EventKind::memory_mapped:
                now_.shared_info |= event.arg32 == XENMAPSPACE_shared_info && event.status == 0;
                now_.grants_mapped |= event.arg32 == XENMAPSPACE_grant_table && event.status == 0;
                break;
            case EventKind::param_written:
                now_.callback |= event.arg32 == HVM_PARAM_CALLBACK_IRQ && event.arg64 != 0;
                break;
            case EventKind::param_read:
                now_.params_read.insert(event.arg32);
                if (event.arg32 == HVM_PARAM_STORE_EVTCHN ||
                    event.arg32 == HVM_PARAM_CONSOLE_EVTCHN) {
                    now_.ports.insert(static_cast<uint32_t>(event.arg64));
                }
                break;
            case EventKind::port_bound:
                now_.ports.insert(event.arg32);
                if (event.arg64 >> 32 != 0) {
                    now_.sources.insert(event.arg64);
                    now_.source_of.insert({event.arg32, event.arg64});
                }
                break;
            case EventKind::port_closed:
            case EventKind::port_notified:
                check_port(scene, event);
                break;
            case EventKind::port_stale:
                if (event.witness == Witness::other_side) {
                    scene.violate("L9",
                                  "channel " + std::to_string(event.arg32) +
                                      " was used though it means nothing in this domain",
                                  event.device);
                }
                break;
            case EventKind::cpu_online:
                offline_.erase(event.arg32);
                break;
            case EventKind::cpu_offline:
                offline_.insert(event.arg32);
                break;
            case EventKind::vcpu_info_set:
                check_vcpu_info(scene, event);
                break;
            case EventKind::grant_made:
                if (anew_ && !(now_.grants_agreed && now_.grants_mapped) && !alive_in_same(scene)) {
                    scene.violate("L12", "a grant was made before version and size were agreed",
                                  event.device);
                }
                break;
            default:
                break;
        }
    }

    void check_port(Scene& scene, const TraceEvent& event) {
        const bool known = now_.ports.contains(event.arg32);
        if (!known && (history_known_ || anew_) && scene.sighted(Sight::hypercalls)) {
            scene.violate("L9",
                          "channel " + std::to_string(event.arg32) +
                              " was used that was not bound in this domain",
                          event.device);
        }
        if (event.kind == EventKind::port_closed) {
            now_.ports.erase(event.arg32);
            give_up_source(event.arg32);
        }
    }

    /// What the guest closed of its own accord need not be there again.
    void give_up_source(uint32_t port) {
        const auto end = now_.source_of.end();
        const auto at = std::lower_bound(now_.source_of.begin(), end, std::pair{port, uint64_t{0}});
        if (at != end && at->first == port) {
            now_.sources.erase(at->second);
            now_.source_of.erase(std::pair{*at});
        }
    }

    void check_vcpu_info(Scene& scene, const TraceEvent& event) {
        const bool first = now_.vcpu_infos.insert(event.arg32);
        const char* what = nullptr;
        if (!first && scene.evidence() != DomainEvidence::same) {
            what = " was registered twice in one domain";
        } else if (event.status != 0 && scene.in_cycle() &&
                   scene.evidence() == DomainEvidence::fresh) {
            what = " was refused in a new domain";
        }
        if (what != nullptr) {
            scene.violate("L8", "vcpu_info of vCPU " + std::to_string(event.arg32) + what,
                          event.device);
        }
    }

    static bool alive_in_same(const Scene& scene) {
        return scene.evidence() == DomainEvidence::same;
    }

    void check_complete(Scene& scene) {
        if (!anew_ || !scene.sighted(Sight::hypercalls)) {
            anew_ = false;
            return;
        }
        anew_ = false;
        require(scene, "L7", before_.shared_info, now_.shared_info, {"shared_info was not mapped"});
        require(scene, "L11", before_.callback, now_.callback, {"the callback was not set"});
        require(scene, "L11", true, now_.params_read.contains(HVM_PARAM_STORE_EVTCHN),
                {"the store's channel was not read"});
        require(scene, "L11", before_.params_read.contains(HVM_PARAM_CONSOLE_EVTCHN),
                now_.params_read.contains(HVM_PARAM_CONSOLE_EVTCHN),
                {"the console's channel was not read"});
        require(scene, "L12", before_.grants_mapped, now_.grants_mapped,
                {"the grant table was not mapped"});
        for (const uint32_t vcpu : before_.vectors) {
            require(scene, "L11", is_owed(vcpu), now_.vectors.contains(vcpu),
                    {"the upcall vector of vCPU ", vcpu, " was not set"});
        }
        for (const uint32_t vcpu : before_.vcpu_infos) {
            require(scene, "L8", is_owed(vcpu), now_.vcpu_infos.contains(vcpu),
                    {"vcpu_info of vCPU ", vcpu, " was not registered"});
        }
        for (const uint64_t source : before_.sources) {
            if (is_owed(static_cast<uint32_t>(source)) && !now_.sources.contains(source)) {
                const uint64_t kind = source >> 32;
                const std::string name =
                    kind >= 0x100 ? "an IPI" : "VIRQ " + std::to_string(kind - 1);
                missing(
                    scene, "L7",
                    name + " of vCPU " + std::to_string(source & 0xffffffff) + " was not bound");
            }
        }
    }

    /// One that is offline gets what it needs when it is started.
    [[nodiscard]] bool is_owed(uint32_t vcpu) const { return !offline_.contains(vcpu); }

    /// Words for a complaint, put together only when there is one.
    struct Words {
        const char* text;
        std::optional<uint32_t> number{};
        const char* rest = "";
    };

    static void require(Scene& scene, const char* id, bool owed, bool there, const Words& words) {
        if (owed && !there) {
            missing(scene, id,
                    words.text + (words.number ? std::to_string(*words.number) : "") + words.rest);
        }
    }

    static void missing(Scene& scene, const char* id, const std::string& what) {
        scene.violate(id, what + " again after the hypercall returned 0");
    }

    Life now_;
    Life before_;
    FlatSet<uint32_t> offline_;  ///< vCPUs that ran once
    bool anew_ = false;  ///< between a return of 0 that may be a new domain and the cycle's end
    bool history_known_ = false;
};

}  // namespace

std::unique_ptr<Rules> registration_rules() {
    return std::make_unique<RegistrationRules>();
}

}  // namespace resume::oracle
