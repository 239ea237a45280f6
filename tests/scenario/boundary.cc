#include "tests/scenario/boundary.h"

#include <algorithm>
#include <array>

#include <xen/io/xs_wire.h>

#include "libresume/platform/xen.h"

namespace resume::scenario {

namespace {

struct Name {
    uint32_t number;
    const char* name;
};

template <std::size_t N>
std::string name_in(const std::array<Name, N>& names, uint32_t number) {
    const auto found = std::find_if(names.begin(), names.end(),
                                    [number](const Name& row) { return row.number == number; });
    return found == names.end() ? std::to_string(number) : found->name;
}

constexpr std::array<Name, 7> kCalls{{{__HYPERVISOR_memory_op, "memory_op"},
                                      {__HYPERVISOR_xen_version, "xen_version"},
                                      {__HYPERVISOR_grant_table_op, "grant_table_op"},
                                      {__HYPERVISOR_vcpu_op, "vcpu_op"},
                                      {__HYPERVISOR_sched_op, "sched_op"},
                                      {__HYPERVISOR_event_channel_op, "event_channel_op"},
                                      {__HYPERVISOR_hvm_op, "hvm_op"}}};

constexpr std::array<Name, 9> kMessages{{{XS_DIRECTORY, "DIRECTORY"},
                                         {XS_READ, "READ"},
                                         {XS_WATCH, "WATCH"},
                                         {XS_UNWATCH, "UNWATCH"},
                                         {XS_TRANSACTION_START, "TRANSACTION_START"},
                                         {XS_TRANSACTION_END, "TRANSACTION_END"},
                                         {XS_WRITE, "WRITE"},
                                         {XS_RM, "RM"},
                                         {XS_RESET_WATCHES, "RESET_WATCHES"}}};

std::string hypercall_word(const TraceEvent& event) {
    const auto op = static_cast<uint32_t>(event.arg64);
    std::string word = name_in(kCalls, event.arg32) + "." + std::to_string(op);
    const bool indexed = event.arg32 == __HYPERVISOR_hvm_op ||
                         event.arg32 == __HYPERVISOR_memory_op ||
                         (event.arg32 == __HYPERVISOR_sched_op && op == SCHEDOP_shutdown);
    return indexed ? word + "(" + std::to_string(event.arg64 >> 32) + ")" : word;
}

// How often a ring is kicked depends on who was faster: the messages say what was meant.
bool is_kick(const TraceEvent& event) {
    return event.arg32 == __HYPERVISOR_event_channel_op &&
           static_cast<uint32_t>(event.arg64) == EVTCHNOP_send;
}

}  // namespace

std::vector<std::string> boundary_of(const oracle::TraceView& view, Part part) {
    std::vector<std::string> words;
    bool in_cycle = false;
    // Where the daemon is there to tell, its sighting counts; in a kernel, the client's own word.
    const Witness witness = has(view.sights, Sight::store) ? Witness::other_side : Witness::driver;
    for (const TraceEvent& event : view.events) {
        if (event.kind == EventKind::cycle_begin) {
            in_cycle = true;
        } else if (event.kind == EventKind::cycle_end ||
                   (part == Part::boot && event.kind == EventKind::store_request)) {
            break;
        }
        if (in_cycle != (part == Part::cycle)) {
            continue;
        }
        if (event.kind == EventKind::hypercall && !is_kick(event)) {
            words.push_back(hypercall_word(event));
        } else if (event.kind == EventKind::store_request && event.witness == witness) {
            words.push_back("store " + name_in(kMessages, event.arg32));
        }
    }
    return words;
}

std::vector<std::string> differences(const std::vector<std::string>& reality,
                                     const std::vector<std::string>& model) {
    const std::size_t rows = reality.size();
    const std::size_t columns = model.size();
    std::vector<std::vector<uint32_t>> length(rows + 1, std::vector<uint32_t>(columns + 1, 0));
    for (std::size_t i = rows; i-- > 0;) {
        for (std::size_t j = columns; j-- > 0;) {
            length[i][j] = reality[i] == model[j] ? length[i + 1][j + 1] + 1
                                                  : std::max(length[i + 1][j], length[i][j + 1]);
        }
    }
    std::vector<std::string> found;
    std::size_t i = 0;
    std::size_t j = 0;
    while (i < rows || j < columns) {
        if (i < rows && j < columns && reality[i] == model[j]) {
            ++i;
            ++j;
        } else if (j == columns || (i < rows && length[i + 1][j] >= length[i][j + 1])) {
            found.push_back("-" + reality[i++]);
        } else {
            found.push_back("+" + model[j++]);
        }
    }
    return found;
}

}  // namespace resume::scenario
