#include "tests/unit/model/bare_guest.h"

namespace resume::test {

void BareGuest::put_bytes(const std::string& bytes) {
    xenstore_domain_interface& r = ring();
    const auto port = static_cast<Port>(param(HVM_PARAM_STORE_EVTCHN));
    for (const char c : bytes) {
        for (int i = 0; r.req_prod - r.req_cons == XENSTORE_RING_SIZE && i < 1000; ++i) {
            send(port);
            wait_for_interrupt(machine_, in(1'000'000));
        }
        if (r.req_prod - r.req_cons == XENSTORE_RING_SIZE) {
            return;
        }
        r.req[MASK_XENSTORE_IDX(r.req_prod)] = c;
        ++r.req_prod;
    }
    send(port);
}

std::string BareGuest::take_bytes(std::size_t count) {
    xenstore_domain_interface& r = ring();
    std::string bytes;
    const auto port = static_cast<Port>(param(HVM_PARAM_STORE_EVTCHN));
    for (int i = 0; bytes.size() < count && i < 1000; ++i) {
        while (r.rsp_cons != r.rsp_prod && bytes.size() < count) {
            bytes.push_back(r.rsp[MASK_XENSTORE_IDX(r.rsp_cons)]);
            ++r.rsp_cons;
        }
        if (bytes.size() < count) {
            send(port);
            wait_for_interrupt(machine_, in(1'000'000));
        }
    }
    send(port);
    return bytes;
}

StoreAnswer BareGuest::take() {
    xsd_sockmsg head{};
    const std::string bytes = take_bytes(sizeof head);
    if (bytes.size() < sizeof head) {
        return {.type = static_cast<uint32_t>(XS_INVALID), .payload = {}};
    }
    std::memcpy(&head, bytes.data(), sizeof head);
    return {.type = head.type, .payload = take_bytes(head.len)};
}

StoreAnswer BareGuest::ask(uint32_t type, const std::string& payload, uint32_t transaction) {
    const xsd_sockmsg head{type, ++request_, transaction, static_cast<uint32_t>(payload.size())};
    std::string bytes(sizeof head, '\0');
    std::memcpy(bytes.data(), &head, sizeof head);
    put_bytes(bytes + payload);
    for (;;) {
        StoreAnswer answer = take();
        if (answer.type != XS_WATCH_EVENT) {
            return answer;
        }
        events.push_back(answer);
    }
}

}  // namespace resume::test
