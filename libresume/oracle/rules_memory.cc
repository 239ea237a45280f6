// D2: the guest's memory that the host has.
#include "libresume/oracle/families.h"

namespace resume::oracle {
namespace {

class MemoryRules final : public Rules {
  public:
    [[nodiscard]] KindSet wants() const override {
        return {EventKind::cycle_begin, EventKind::store_opened, EventKind::store_closed,
                EventKind::pages_given, EventKind::pages_fetched};
    }

    void see(Scene& scene, const TraceEvent& event) override {
        switch (event.kind) {
            case EventKind::cycle_begin:
            case EventKind::store_opened:
                closed_ = false;
                break;
            case EventKind::store_closed:
                closed_ = true;
                break;
            case EventKind::pages_given:
                check(scene, event, "the host was given memory that it has already");
                break;
            case EventKind::pages_fetched:
                check(scene, event, "memory was fetched over memory that was there");
                break;
            default:
                break;
        }
    }

  private:
    void check(Scene& scene, const TraceEvent& event, const char* twice) const {
        if (event.status != 0) {
            scene.violate("D2", twice, event.device);
        }
        if (closed_ && event.arg32 != 0) {
            scene.violate("D2", "memory moved while the guest goes down", event.device);
        }
    }

    bool closed_ = false;  ///< the store's gate: no device does anything of its own accord
};

}  // namespace

std::unique_ptr<Rules> memory_rules() {
    return std::make_unique<MemoryRules>();
}

}  // namespace resume::oracle
