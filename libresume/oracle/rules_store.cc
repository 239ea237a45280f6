// L3, L4, L24: the handshake, nothing in flight at the hypercall, no transaction across it.
#include "libresume/oracle/families.h"
#include "libresume/oracle/flat_set.h"

#include <utility>

// xs_wire.h names its operations without a prefix of its own; it wants errno's numbers.
#include <cerrno>

#include <xen/io/xs_wire.h>

namespace resume::oracle {
namespace {

/// From an ack to the cycle that it promises.
constexpr uint64_t kBegunWithinNs = 1'000'000'000;

class StoreRules final : public Rules {
  public:
    [[nodiscard]] KindSet wants() const override {
        using K = EventKind;
        return KindSet{K::request_seen, K::request_acked, K::feature_written, K::cycle_begin,
                       K::store_closed, K::store_opened,  K::store_request,   K::store_reply,
                       K::hypercall,    K::evidence};
    }
    void see(Scene& scene, const TraceEvent& event) override {
        switch (event.kind) {
            case EventKind::request_seen:
                // A host may ask again before the guest has begun with what it acknowledged.
                if (acked_ && !scene.in_cycle() && event.ticks > acked_at_ &&
                    to_ns(scene.view(), event.ticks - acked_at_) > kBegunWithinNs) {
                    never_tried(scene);
                }
                requests_known_ = true;
                ++open_requests_;
                break;
            case EventKind::request_acked:
                check_ack(scene, event);
                break;
            case EventKind::feature_written:
                features_known_ = true;
                feature_on_ = event.arg32 != 0;
                break;
            case EventKind::cycle_begin:
                forgotten_ = false;
                ack_used_ = acked_;
                acked_ = false;
                break;
            case EventKind::store_closed:
                if (event.arg32 != 0) {
                    scene.violate("L4", std::to_string(event.arg32) +
                                            " users were inside when the store's gate closed");
                }
                closed_ = true;
                break;
            case EventKind::store_opened:
                closed_ = false;
                break;
            case EventKind::store_request:
                see_request(scene, event);
                break;
            case EventKind::store_reply:
                see_reply(event);
                break;
            case EventKind::hypercall:
                if (is_suspend_hypercall(event)) {
                    check_going_down(scene, event);
                }
                break;
            case EventKind::evidence:
                if (scene.evidence() == DomainEvidence::fresh && !forgotten_) {
                    forget();
                }
                break;
            default:
                break;
        }
    }

  private:
    void never_tried(Scene& scene) {
        scene.violate("L3", "a request was acknowledged and never tried");
        acked_ = false;
    }

    void check_ack(Scene& scene, const TraceEvent& event) {
        if (acked_ && !scene.in_cycle()) {
            never_tried(scene);
        }
        if (open_requests_ == 0 && requests_known_) {
            scene.violate("L3", "an ack without a request, or a second one for the same");
        }
        if (features_known_ && !feature_on_) {
            scene.violate("L3", "a request was acknowledged though suspend was not announced");
        }
        if (scene.in_cycle() && !scene.going_up()) {
            scene.violate("L3", "a second request was acknowledged in mid-cycle");
        }
        open_requests_ = 0;
        acked_ = true;
        acked_at_ = event.ticks;
    }

    void see_request(Scene& scene, const TraceEvent& event) {
        in_flight_.insert(event.arg64 & 0xffffffff);
        if (closed_ && scene.in_cycle() && scene.step() != Step::open_store) {
            scene.violate("L4", "a request passed the closed gate", event.device);
        }
        const uint64_t transaction = event.arg64 >> 32;
        if (event.arg32 != XS_TRANSACTION_END || transaction == 0) {
            return;
        }
        // Where only the client speaks, a transaction may be older than the trace.
        const bool ours = transactions_.erase(transaction);
        if (!ours && (scene.sighted(Sight::store) || old_transactions_.contains(transaction))) {
            scene.violate("L24", "a transaction of another life was ended in the store",
                          event.device);
        }
    }

    void see_reply(const TraceEvent& event) {
        in_flight_.erase(event.arg64 & 0xffffffff);
        if (event.arg32 == XS_TRANSACTION_START && event.status == 0) {
            transactions_.insert(event.arg64 >> 32);
        }
    }

    void check_going_down(Scene& scene, const TraceEvent& event) {
        if (!in_flight_.empty()) {
            scene.violate("L4", std::to_string(in_flight_.size()) +
                                    " requests were in flight at the hypercall");
        }
        if (requests_known_ && scene.in_cycle() && !ack_used_) {
            scene.violate("L3", "the guest went down without having acknowledged a request");
        }
        if (event.status == 0 && !scene.sighted(Sight::hypercalls)) {
            forget();
        }
        in_flight_.clear();
    }

    /// A new domain: its store knows neither the feature nor the transactions.
    void forget() {
        std::swap(old_transactions_, transactions_);
        transactions_.clear();
        forgotten_ = true;
        feature_on_ = false;
        open_requests_ = 0;
    }

    FlatSet<uint64_t> in_flight_;
    FlatSet<uint64_t> transactions_;
    FlatSet<uint64_t> old_transactions_;  ///< open when the last domain was left
    uint32_t open_requests_ = 0;
    bool requests_known_ = false;
    bool features_known_ = false;
    bool feature_on_ = false;
    bool acked_ = false;
    Ticks acked_at_ = 0;
    bool ack_used_ = false;
    bool closed_ = false;
    bool forgotten_ = false;  ///< of this cycle's domain, once
};

}  // namespace

std::unique_ptr<Rules> store_rules() {
    return std::make_unique<StoreRules>();
}

}  // namespace resume::oracle
