// K1, K2, L6, L16, L20, L21: what a guest of KVM's owes: its areas registered when they are used
// and not when it is away, the outcome by what was lost, and only then a device set up anew, with
// what it offers; a link announced and a generation told apart.
#include <map>
#include <set>

#include <asm/kvm_para.h>

#include "libresume/oracle/families.h"

namespace resume::oracle {
namespace {

/// A guest that runs has seen within this time what its host shows or asks for; one that suspends
/// looks when it is back.
constexpr uint64_t kSeenWithinNs = 100'000'000;

class KvmRules final : public Rules {
  public:
    [[nodiscard]] KindSet wants() const override {
        using K = EventKind;
        return KindSet{K::msr_written,    K::clock_read,    K::guest_at_shutdown, K::page_clobbered,
                       K::cycle_begin,    K::cycle_end,     K::evidence,          K::outcome_known,
                       K::generation_set, K::reseeded,      K::announce_asked,    K::link_announced,
                       K::announce_acked, K::device_status, K::device_features};
    }
    void see(Scene& scene, const TraceEvent& event) override {
        if (scene.view().guest != "kvm") {
            return;
        }
        switch (event.kind) {
            case EventKind::msr_written:
                note_msr(event);
                break;
            case EventKind::clock_read:
                if (known_ && clocks_.count(event.cpu) == 0) {
                    scene.violate("K1",
                                  "the clock of vCPU " + std::to_string(event.cpu) +
                                      " was read while it is not registered",
                                  event.device);
                }
                break;
            case EventKind::guest_at_shutdown:
                if (!clocks_.empty() || !steals_.empty()) {
                    scene.violate("K2", "KVM still writes to the guest's areas when it is away");
                }
                break;
            case EventKind::page_clobbered:
                scene.violate("K2", "KVM wrote to an area of a former life");
                break;
            case EventKind::cycle_begin:
                clocks_before_ = clocks_;
                steals_before_ = steals_;
                lost_.reset();
                nothing_lost_ = false;
                check_begin(scene, event);
                break;
            case EventKind::cycle_end:
                nothing_lost_ = false;
                check_end(scene, event.ticks);
                break;
            default:
                see_rest(scene, event);
                break;
        }
    }

  private:
    void see_rest(Scene& scene, const TraceEvent& event) {
        switch (event.kind) {
            case EventKind::evidence:
                if (event.witness == Witness::other_side) {
                    lost_ = event.arg32 == static_cast<uint32_t>(DomainEvidence::fresh);
                    // A device that is reset has no wish (QEMU: virtio_net_reset).
                    if (*lost_) {
                        to_ack_.clear();
                    }
                }
                break;
            case EventKind::outcome_known:
                check_outcome(scene, event);
                break;
            case EventKind::generation_set:
                if (shown_ && *shown_ != event.arg64) {
                    owed_ = {{event.arg64, event.ticks}};
                    must_see_ = false;
                }
                shown_ = event.arg64;
                break;
            case EventKind::reseeded:
                if (!owed_ || owed_->id != event.arg64) {
                    scene.violate("L21", "reseeded though the generation is the same",
                                  event.device);
                } else if (event.status != 0) {
                    // The guest says so, and has to try again when it looks next.
                    owed_->since = event.ticks;
                    owed_->tried = true;
                    must_see_ = false;
                    break;
                }
                owed_.reset();
                break;
            case EventKind::announce_asked:
                to_announce_.try_emplace(event.arg32, event.ticks);
                to_ack_.try_emplace(event.arg32, event.ticks);
                break;
            case EventKind::link_announced:
                to_announce_.erase(event.arg32);
                break;
            case EventKind::announce_acked:
                to_ack_.erase(event.arg32);
                break;
            default:
                see_device(scene, event);
                break;
        }
    }

    void see_device(Scene& scene, const TraceEvent& event) const {
        const std::string device = "device " + std::to_string(event.arg32);
        if (event.kind == EventKind::device_status && nothing_lost_) {
            scene.violate("L6", device + " was set up anew though nothing was lost");
        } else if (event.kind == EventKind::device_features && event.status != 0) {
            scene.violate("L16", device + " was asked for what it does not offer");
        }
    }

    void note_msr(const TraceEvent& event) {
        const bool enabled = (event.arg64 & KVM_MSR_ENABLED) != 0;
        const auto note = [&](std::set<uint32_t>& cpus) {
            if (enabled) {
                cpus.insert(event.cpu);
            } else {
                cpus.erase(event.cpu);
            }
        };
        if (event.arg32 == MSR_KVM_SYSTEM_TIME_NEW) {
            known_ = true;
            note(clocks_);
        } else if (event.arg32 == MSR_KVM_STEAL_TIME) {
            note(steals_);
        }
    }

    /// Where the other side knows whether anything was lost, that is the outcome.
    void check_outcome(Scene& scene, const TraceEvent& event) {
        const auto said = static_cast<Outcome>(event.status);
        if (lost_ && *lost_ != (said == Outcome::resumed)) {
            scene.violate("L6", std::string{"said to be "} + name_of(said) + " though " +
                                    (*lost_ ? "registers were lost" : "nothing was lost"));
        }
        nothing_lost_ = said != Outcome::resumed;
        must_see_ = owed_ && !owed_->tried && (looks_ || said == Outcome::resumed);
    }

    /// A guest that looked around and found something writes that down as a cycle, too.
    void check_begin(Scene& scene, const TraceEvent& event) {
        const auto kind = static_cast<Kind>(event.status);
        looks_ = kind == Kind::pause || kind == Kind::restore;
        if (owed_ && is_late(scene, owed_->since, event.ticks)) {
            miss_seed(scene);
        }
        if (owed_ && !looks_) {
            owed_->tried = false;
        }
        check_link(scene, event.ticks, to_announce_, "was not announced");
        check_link(scene, event.ticks, to_ack_, "was announced, and the host not told");
    }

    void check_end(Scene& scene, Ticks now) {
        check_registered(scene, clocks_before_, clocks_, "the clock");
        check_registered(scene, steals_before_, steals_, "stolen time");
        if (must_see_ && owed_) {
            miss_seed(scene);
        }
        must_see_ = false;
        if (owed_) {
            owed_->tried = false;
        }
        if (looks_) {
            return;
        }
        // What came while it suspended, it sees from now on.
        if (owed_) {
            owed_->since = now;
        }
        for (Wishes* const wishes : {&to_announce_, &to_ack_}) {
            for (auto& [link, since] : *wishes) {
                since = now;
            }
        }
    }

    void miss_seed(Scene& scene) {
        scene.violate("L21", "another generation, and no reseed");
        owed_.reset();
    }

    static bool is_late(Scene& scene, Ticks since, Ticks now) {
        return now >= since && to_ns(scene.view(), now - since) >= kSeenWithinNs;
    }

    using Wishes = std::map<uint32_t, Ticks>;  ///< by link: since when
    static void check_link(Scene& scene, Ticks now, Wishes& wishes, const char* what) {
        std::erase_if(wishes, [&](const auto& row) {
            const auto& [link, since] = row;
            if (!is_late(scene, since, now)) {
                return false;
            }
            scene.violate("L20", "link " + std::to_string(link) + " " + what);
            return true;
        });
    }

    static void check_registered(Scene& scene, const std::set<uint32_t>& before,
                                 const std::set<uint32_t>& after, const char* what) {
        for (const uint32_t cpu : before) {
            if (after.count(cpu) == 0) {
                scene.violate("K1", std::string{what} + " of vCPU " + std::to_string(cpu) +
                                        " was not registered again");
            }
        }
    }

    bool known_ = false;
    std::set<uint32_t> clocks_, clocks_before_;
    std::set<uint32_t> steals_, steals_before_;
    std::optional<bool> lost_;
    std::optional<uint64_t> shown_;
    struct Seed {
        uint64_t id;
        Ticks since;
        bool tried = false;  ///< in this cycle, or just before it where it is a look
    };
    std::optional<Seed> owed_;
    bool must_see_ = false;  ///< by the end of this cycle
    bool looks_ = false;     ///< the cycle is none: the guest looked around
    Wishes to_announce_, to_ack_;
    bool nothing_lost_ = false;  ///< from the outcome to the end of a cycle
};

}  // namespace

std::unique_ptr<Rules> kvm_rules() {
    return std::make_unique<KvmRules>();
}

}  // namespace resume::oracle
