#include "libresume/oracle/trace_view.h"

#include <algorithm>

namespace resume::oracle {

std::string TraceView::device_name(DeviceId id) const {
    const auto found = devices.find(id);
    if (found == devices.end() || found->second.name.empty()) {
        return "#" + std::to_string(id);
    }
    return found->second.name;
}

SystemRank TraceView::rank_of(DeviceId id) const {
    const auto found = devices.find(id);
    return found == devices.end() ? SystemRank::none : found->second.rank;
}

void TraceView::learn_devices() {
    for (const TraceEvent& event : events) {
        if (event.kind == EventKind::device_added) {
            DeviceInfo& info = devices[event.device];
            info.parent = event.arg32;
            info.rank = static_cast<SystemRank>(event.arg64 & 0xff);
        } else if (event.kind == EventKind::device_linked) {
            auto& suppliers = devices[event.device].suppliers;
            if (std::find(suppliers.begin(), suppliers.end(), event.arg32) == suppliers.end()) {
                suppliers.push_back(event.arg32);
            }
        }
    }
}

void append_events(TraceView& view, const Trace& trace) {
    view.lost += trace.lost();
    const uint32_t size = trace.size();
    if (trace.lost() == 0 && size != 0) {
        const TraceEvent* const first = &trace.at(0);  // a ring that did not wrap is one piece
        view.events.insert(view.events.end(), first, first + size);
        return;
    }
    for (uint32_t i = 0; i < size; ++i) {
        view.events.push_back(trace.at(i));
    }
}

uint64_t to_ns(const TraceView& view, Ticks ticks) {
    if (view.frequency == 0) {
        return ticks;
    }
    const auto wide = static_cast<unsigned __int128>(ticks) * 1'000'000'000U / view.frequency;
    return static_cast<uint64_t>(wide);
}

}  // namespace resume::oracle
