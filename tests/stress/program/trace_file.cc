#include "tests/stress/program/trace_file.h"

#include <spdlog/spdlog.h>

#include <array>
#include <bit>
#include <fstream>
#include <vector>

#include "libresume/trace_text.h"

namespace resume::stress {

bool written(const std::string& path, bool good) {
    if (!good) {
        spdlog::error("{}: cannot be written", path);
    }
    return good;
}

bool write_trace(const std::string& path, const oracle::TraceView& view) {
    std::ofstream out{path};
    std::vector<TraceEvent> storage(std::bit_ceil(view.events.size() + 1));
    Trace trace{storage.data(), static_cast<uint32_t>(storage.size())};
    for (const TraceEvent& event : view.events) {
        trace.write(event);
    }
    std::vector<TraceDevice> devices;
    for (const auto& [id, device] : view.devices) {
        devices.push_back({id, device.parent, device.rank, device.name.c_str()});
    }
    const TraceTextInfo head{.frequency = view.frequency,
                             .guest = view.guest.c_str(),
                             .vcpus = view.vcpus,
                             .sights = view.sights,
                             .part = view.part,
                             .lost = view.lost,
                             .devices = devices.data(),
                             .device_count = static_cast<uint32_t>(devices.size())};
    TraceTextWriter writer{trace, head};
    std::array<char, kTraceTextLine> line{};
    while (const uint32_t size = writer.next(line.data(), line.size())) {
        out.write(line.data(), size);
    }
    return written(path, static_cast<bool>(out.flush()));
}

}  // namespace resume::stress
