#include "agent/report/timeline.h"

#include "agent/report/timeline_template.h"

namespace resume::agent {

std::string timeline_page(const std::vector<std::string>& reports) {
    std::string data = "[";
    for (const auto& report : reports) {
        data += data.size() > 1 ? ",\n" : "";
        // "<" occurs only inside JSON strings, where \u003c means the same.
        for (const char c : report) {
            if (c == '<') {
                data += "\\u003c";
            } else if (c != '\n') {
                data += c;
            }
        }
    }
    data += "]";
    std::string page{kTimelineTemplate};
    constexpr std::string_view kPlace = "@REPORTS@";
    page.replace(page.find(kPlace), kPlace.size(), data);
    return page;
}

}  // namespace resume::agent
