// What memory a guest with one disk and one interface gives for suspend and resume, part by part:
// the objects themselves, pages that it shares with Xen or its backends, and a trace. Nothing else
// is ever taken, so these are all.
#include <cstddef>
#include <cstdio>

#include "drivers/blkfront/blkfront.h"
#include "drivers/netfront/netfront.h"
#include "drivers/xen_guest/xen_guest.h"
#include "xen/handshake/handshake.h"

namespace {

using namespace resume;

constexpr std::size_t kTraceEvents = 1024;  ///< more than twice what a cycle of such a guest writes

struct Part {
    const char* what;
    std::size_t bytes;
};

/// The hypercall page, shared_info, the areas of up to 32 vCPUs, one frame of grants.
constexpr std::size_t kSharedPages = 4;

constexpr Part kParts[] = {
    {"engine, of it", sizeof(Engine)},
    {"channels, of it", sizeof(EventChannels)},
    {"store's client, of it", sizeof(Store)},
    {"guest (XenGuest)", sizeof(XenGuest)},
    {"handshake", sizeof(Handshake<Store>)},
    {"disk", sizeof(Blkfront)},
    {"disk's pages", sizeof(BlockQueueMemory)},
    {"interface", sizeof(Netfront)},
    {"interface's pages", sizeof(NetQueueMemory)},
    {"pages for Xen", kSharedPages* kPageSize},
    {"trace", kTraceEvents * sizeof(TraceEvent)},
};
constexpr std::size_t kWithin = 3;  ///< the first rows stand in the guest's own

}  // namespace

int main() {
    std::size_t all = 0;
    std::printf("memory, bytes\n");
    for (std::size_t i = 0; i < sizeof kParts / sizeof kParts[0]; ++i) {
        std::printf("  %-23s %8zu\n", kParts[i].what, kParts[i].bytes);
        all += i < kWithin ? 0 : kParts[i].bytes;
    }
    std::printf("  %-23s %8zu\n", "all", all);
    return 0;
}
