#include "tests/kernel/store_bytes.h"

#include "libresume/platform/xen.h"

#include <stddef.h>

#include <xen/io/xs_wire.h>

namespace kernel {
namespace {

uint32_t load(const XENSTORE_RING_IDX& index) noexcept {
    return *static_cast<const volatile XENSTORE_RING_IDX*>(&index);
}

xsd_sockmsg header_at(const xenstore_domain_interface& ring, uint32_t index) noexcept {
    xsd_sockmsg header;
    auto* bytes = reinterpret_cast<char*>(&header);
    for (size_t i = 0; i < sizeof(header); ++i) {
        bytes[i] = ring.rsp[MASK_XENSTORE_IDX(index + static_cast<uint32_t>(i))];
    }
    return header;
}

}  // namespace

uint32_t unfinished_store_bytes(uint64_t page) noexcept {
    if (page == 0) {
        return 0;
    }
    const auto& ring = *reinterpret_cast<const xenstore_domain_interface*>(page << 12);
    const uint32_t requests = load(ring.req_prod) - load(ring.req_cons);
    uint32_t at = load(ring.rsp_cons);
    const uint32_t end = load(ring.rsp_prod);
    while (end - at >= sizeof(xsd_sockmsg) && end - at <= XENSTORE_RING_SIZE) {
        const xsd_sockmsg header = header_at(ring, at);
        if (header.type != XS_WATCH_EVENT || header.len > XENSTORE_PAYLOAD_MAX ||
            end - at < sizeof(header) + header.len) {
            break;
        }
        at += static_cast<uint32_t>(sizeof(header)) + header.len;
    }
    return requests + (end - at);
}

}  // namespace kernel
