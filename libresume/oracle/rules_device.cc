// L15, L16, L17, L20: requests complete once, nothing is asked of a backend that it does not offer,
// rings are reached only while they are there, and the network hears where the guest is.
#include "libresume/oracle/families.h"
#include "libresume/oracle/flat_set.h"

#include <algorithm>

namespace resume::oracle {
namespace {

/// A request that took longer is lost: no backend of ours is that slow, and a host gives a guest up
/// after as long (4.1.7).
constexpr uint64_t kLostAfterNs = 60'000'000'000;
constexpr uint32_t kFirstDeviceRing = 2;  ///< ring_reset, a: block, net
/// A link is known to be there a moment after it is; more than this is silence.
constexpr uint64_t kAnnouncedWithinNs = 100'000'000;
constexpr uint64_t kNet = 1;  ///< backend_connected, b

class DeviceRules final : public Rules {
  public:
    [[nodiscard]] KindSet wants() const override {
        using K = EventKind;
        return KindSet{K::io_accepted,       K::io_completed,   K::io_idle,
                       K::io_refused,        K::queue_detached, K::queue_attached,
                       K::hook_end,          K::ring_used,      K::ring_reset,
                       K::backend_connected, K::backend_closed, K::link_announced,
                       K::cycle_begin,       K::cycle_end,      K::note,
                       K::clock_read,        K::evidence};
    }
    void see(Scene& scene, const TraceEvent& event) override {
        switch (event.kind) {
            case EventKind::io_accepted:
                accept(of(scene, event.device), event);
                break;
            case EventKind::io_completed:
                complete(scene, event);
                break;
            case EventKind::io_idle:
                check_idle(scene, event);
                break;
            case EventKind::io_refused:
                if (event.witness == Witness::other_side) {
                    refuse(scene, event);
                }
                break;
            case EventKind::queue_detached:
            case EventKind::queue_attached:
                of(scene, event.device).detached = event.kind == EventKind::queue_detached;
                of(scene, event.device).attached_once |= event.kind == EventKind::queue_attached;
                break;
            case EventKind::hook_end:
                if (event.phase == Phase::suspend && event.status == 0) {
                    check_quiet(scene, event);
                }
                break;
            case EventKind::ring_used:
            case EventKind::ring_reset:
                check_ring(scene, event);
                break;
            default:
                see_links(scene, event);
                break;
        }
    }

  private:
    struct Of {
        std::vector<std::pair<uint64_t, Ticks>> open;  ///< serial number: when it was accepted
        FlatSet<uint64_t> ended;
        bool detached = false;
        bool attached_once = false;
    };

    Of& of(Scene& scene, DeviceId device) {
        const uint32_t slot = scene.slots().of(device);
        if (slot >= devices_.size()) {
            devices_.resize(slot + 1);
        }
        return devices_[slot];
    }

    static auto find_open(Of& of, uint64_t serial) {
        return std::find_if(of.open.begin(), of.open.end(),
                            [serial](const auto& row) { return row.first == serial; });
    }

    static void accept(Of& of, const TraceEvent& event) {
        if (find_open(of, event.arg64) == of.open.end()) {
            of.open.emplace_back(event.arg64, event.ticks);
        }
        of.ended.erase(event.arg64);
    }

    void see_links(Scene& scene, const TraceEvent& event) {
        switch (event.kind) {
            case EventKind::backend_connected:
                connected_.insert(event.arg32);
                former_.erase(event.arg32);
                settle(event.arg32);
                if (event.arg64 == kNet && scene.cycles_seen() != 0) {
                    owed_.emplace_back(event.arg32, event.ticks);
                }
                break;
            case EventKind::backend_closed:
                connected_.erase(event.arg32);
                former_.erase(event.arg32);
                settle(event.arg32);
                break;
            case EventKind::link_announced:
                settle(event.arg32);
                break;
            case EventKind::evidence:
                if (scene.evidence() == DomainEvidence::fresh) {
                    former_ = connected_;
                }
                break;
            case EventKind::cycle_begin:
                check_announced(scene, event.ticks);
                check_age(scene, event.ticks);
                break;
            case EventKind::cycle_end:
                check_age(scene, event.ticks);
                break;
            case EventKind::note:
            case EventKind::clock_read:
                // Time passes: a guest that hangs has nothing else to say.
                check_age(scene, event.ticks);
                break;
            default:
                break;
        }
    }

    void complete(Scene& scene, const TraceEvent& event) {
        Of& of = this->of(scene, event.device);
        if (const auto open = find_open(of, event.arg64); open != of.open.end()) {
            of.open.erase(open);
        } else {
            const bool again = of.ended.contains(event.arg64);
            scene.violate("L15",
                          "request " + std::to_string(event.arg64) +
                              (again ? " completed twice" : " completed and was never accepted"),
                          event.device);
        }
        of.ended.insert(event.arg64);
    }

    void check_idle(Scene& scene, const TraceEvent& event) {
        Of& of = this->of(scene, event.device);
        if (!of.open.empty()) {
            scene.violate(
                "L15",
                std::to_string(of.open.size()) +
                    " requests were lost: the driver knows of "
                    "none, and request " +
                    std::to_string(std::min_element(of.open.begin(), of.open.end())->first) +
                    " never completed",
                event.device);
            of.open.clear();
        }
    }

    void check_age(Scene& scene, Ticks now) {
        for (uint32_t slot = 0; slot < devices_.size(); ++slot) {
            Of& of = devices_[slot];
            const auto old = std::find_if(of.open.begin(), of.open.end(), [&](const auto& row) {
                return now > row.second && to_ns(scene.view(), now - row.second) > kLostAfterNs;
            });
            if (old != of.open.end()) {
                scene.violate(
                    "L15",
                    "request " + std::to_string(old->first) + " did not complete within 60 s",
                    scene.slots().id(slot));
                of.open.clear();
            }
        }
    }

    /// A backend that keeps the rings of a former life (a reset in place whose toolstack writes no
    /// new nodes) goes on with what it found there, and no guest can tell it not to.
    void refuse(Scene& scene, const TraceEvent& event) const {
        if (former_.contains(event.arg32)) {
            return;
        }
        const std::string what = "the backend of device " + std::to_string(event.arg32);
        if (event.status == 1) {
            scene.violate("L16", what + " was asked for more than it offers");
        } else if (event.status == 2) {
            scene.violate("L9", what + " was given a grant that means nothing in this domain");
        } else {
            scene.violate("L16", what + " got a request that cannot be right");
        }
    }

    void check_ring(Scene& scene, const TraceEvent& event) {
        if (event.kind == EventKind::ring_reset && event.arg32 < kFirstDeviceRing) {
            return;
        }
        const Of& of = this->of(scene, event.device);
        if (event.kind == EventKind::ring_used && of.detached) {
            scene.violate("L17", "a ring was used while it was detached", event.device);
        } else if (event.kind == EventKind::ring_reset && of.attached_once && !of.detached) {
            scene.violate("L17", "a ring was made anew under its users", event.device);
        }
    }

    void check_quiet(Scene& scene, const TraceEvent& event) {
        const Of& of = this->of(scene, event.device);
        if (of.attached_once && !of.detached) {
            scene.violate("L17", "it was suspended and its rings may still be used", event.device);
        }
    }

    void settle(uint32_t link) {
        std::erase_if(owed_, [link](const auto& row) { return row.first == link; });
    }

    /// By the time that the next cycle begins, whoever came back has said so; a link that came up
    /// just before it has until the one after, when the guest stays where it is.
    void check_announced(Scene& scene, Ticks now) {
        std::erase_if(owed_, [&](const auto& row) {
            const auto& [link, since] = row;
            if (now < since || to_ns(scene.view(), now - since) < kAnnouncedWithinNs) {
                return false;
            }
            scene.violate("L20", "link " + std::to_string(link) +
                                     " came back in another place and the network was not told");
            return true;
        });
    }

    std::vector<Of> devices_;  ///< by slot
    /// Links that connected anew and were not announced, and when they did.
    std::vector<std::pair<uint32_t, Ticks>> owed_;
    FlatSet<uint32_t> connected_;  ///< virtual devices whose backend has rings
    FlatSet<uint32_t> former_;     ///< of them those whose rings are of a domain that is gone
};

}  // namespace

std::unique_ptr<Rules> device_rules() {
    return std::make_unique<DeviceRules>();
}

}  // namespace resume::oracle
