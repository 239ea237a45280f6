#include "agent/observe/ftrace_order.h"

#include <string_view>
#include <unordered_map>
#include <unordered_set>

#include "agent/observe/pm_event.h"

namespace resume::agent {
namespace {

/// CPUs stamp their events themselves; what is closer than this on two of them has no order.
constexpr uint64_t kClockSkewNs = 20'000;

class OrderCheck {
  public:
    OrderCheck(const KernelCycle& cycle, oracle::CycleReport& report)
        : cycle_{cycle}, report_{report} {}

    void run(const std::set<uint32_t>& ambiguous) {
        index_devices(ambiguous);
        for (const Callback& callback : cycle_.callbacks) {
            if (callback.span == kNoSpan || !callback.ended) {
                continue;
            }
            const auto parent = parent_of(callback);
            if (parent != nullptr && parent->ended) {
                compare(callback, *parent);
            }
        }
    }

  private:
    /// By the device's own name, which a parent is called by; those that are not unique are out.
    void index_devices(const std::set<uint32_t>& ambiguous) {
        std::unordered_map<std::string, uint32_t> key_of;
        for (const Callback& callback : cycle_.callbacks) {
            const std::string& key = cycle_.name(callback.device);
            const auto [at, first] = key_of.emplace(device_name(key), callback.device);
            if ((!first && at->second != callback.device) ||
                ambiguous.count(callback.device) != 0) {
                twice_.insert(at->first);
            }
        }
        for (const Callback& callback : cycle_.callbacks) {
            if (callback.span != kNoSpan) {
                by_span_[callback.span][device_name(cycle_.name(callback.device))] = &callback;
            }
        }
    }

    const Callback* parent_of(const Callback& callback) {
        const std::string& parent = cycle_.name(callback.parent);
        if (parent == "none" || twice_.count(parent) != 0) {
            return nullptr;
        }
        auto& devices = by_span_[callback.span];
        const auto found = devices.find(parent);
        return found == devices.end() || found->second == &callback ? nullptr : found->second;
    }

    void compare(const Callback& child, const Callback& parent) {
        const std::string& phase = cycle_.action(cycle_.spans[child.span]);
        const bool child_first =
            phase == "dpm_complete" || (is_down_phase(phase) && phase != "dpm_prepare");
        const Callback& first = child_first ? child : parent;
        const Callback& second = child_first ? parent : child;
        if (second.begin_order > first.end_order) {
            return;
        }
        const bool same_instant =
            first.cpu != second.cpu && first.end_ns < second.begin_ns + kClockSkewNs;
        if (same_instant) {
            return;
        }
        const std::string name = device_name(cycle_.name(child.device));
        const std::string above = device_name(cycle_.name(parent.device));
        report_.violations.push_back(
            {"P2",
             child_first
                 ? above + " ran in " + phase + " before its child " + name + " had finished"
                 : name + " ran in " + phase + " before its parent " + above + " had finished",
             child_first ? above : name, second.begin_ns});
    }

    const KernelCycle& cycle_;
    oracle::CycleReport& report_;
    std::unordered_map<uint32_t, std::unordered_map<std::string, const Callback*>> by_span_;
    std::unordered_set<std::string> twice_;
};

}  // namespace

void check_order(const KernelCycle& cycle, const std::set<uint32_t>& ambiguous,
                 oracle::CycleReport& report) {
    OrderCheck{cycle, report}.run(ambiguous);
}

}  // namespace resume::agent
