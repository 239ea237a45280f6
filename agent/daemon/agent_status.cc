// What the agent says of itself to whoever asks over the socket.
#include <unistd.h>

#include <deque>

#include "agent/daemon/agent.h"

namespace resume::agent {

using nlohmann::json;

json Agent::status() const {
    json status{{"version", "0.1.0"},
                {"pid", ::getpid()},
                {"busy", observer_.busy() || coordinator_.running()},
                {"announced", coordinator_.announced()},
                {"cycles", reporter_.count()},
                {"doctor", doctor_.verdict()},
                {"subscribers", clients_.subscribers()},
                {"holds", clients_.holds()}};
    const json last = json::parse(reporter_.last_line(), nullptr, false);
    status["last"] = last.is_object() ? last : json(nullptr);
    return status;
}

json Agent::sources_json() const {
    json list = json::array();
    for (const auto& source : sources_.states()) {
        list.push_back(
            {{"name", source.name}, {"available", source.available}, {"detail", source.detail}});
    }
    return list;
}

json Agent::history(size_t count) const {
    std::deque<std::string> lines;
    const CycleLog log{root_(loaded_.config.state_dir),
                       static_cast<size_t>(loaded_.config.log_kib) * 1024};
    for (const auto& path : {log.old_path(), log.path()}) {
        for_each_report(path, 16U << 20, [&](std::string_view line) {
            lines.emplace_back(line);
            if (lines.size() > count) {
                lines.pop_front();
            }
        });
    }
    json reports = json::array();
    for (const auto& line : lines) {
        json report = json::parse(line, nullptr, false);
        if (report.is_object()) {
            report.erase("devices");  // a reply is bounded; the file has them
            reports.push_back(std::move(report));
        }
    }
    return reports;
}

}  // namespace resume::agent
