// What other sources hand the agent: the system bus, netlink, the kernel's log, its word on lost
// pages. The first byte picks one.
#include <cstddef>
#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <string_view>

#include "agent/act/link_facts.h"
#include "agent/observe/dbus.h"
#include "agent/observe/kmsg.h"
#include "agent/observe/memory_failure.h"
#include "agent/observe/netlink.h"

namespace {

using namespace resume::agent;

void bus(std::string_view text) {
    // As the client does it: message by message, each by its own length.
    while (const auto length = dbus_length(text)) {
        if (*length == 0 || *length > text.size()) {
            return;
        }
        parse_dbus(text.substr(0, *length));
        text.remove_prefix(*length);
    }
}

void links(std::string_view text) {
    const auto datagram = std::as_bytes(std::span{text.data(), text.size()});
    links_notifying_peers(datagram);
    is_new_generation(datagram);
    std::map<unsigned, LinkFacts> facts;
    add_link_facts(datagram, facts);
    for (const auto& [index, link] : facts) {
        reason_not_to_announce(link);
    }
}

void kernel_log(std::string_view text) {
    KmsgFacts facts;
    while (!text.empty()) {
        const std::string_view line = text.substr(0, text.find('\0'));
        if (const auto record = parse_kmsg(line)) {
            facts.add(record->text);
        }
        facts.add(line);
        text.remove_prefix(line.size() == text.size() ? line.size() : line.size() + 1);
    }
}

void lost_pages(std::string_view text) {
    std::string trace{text};
    take_memory_failures(trace);
    if (!take_memory_failures(trace).empty() || trace.size() > text.size()) {
        __builtin_trap();
    }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    if (size == 0) {
        return 0;
    }
    const std::string_view text{reinterpret_cast<const char*>(data) + 1, size - 1};
    switch (data[0] % 4) {
        case 0:
            bus(text);
            break;
        case 1:
            links(text);
            break;
        case 2:
            kernel_log(text);
            break;
        default:
            lost_pages(text);
            break;
    }
    return 0;
}
