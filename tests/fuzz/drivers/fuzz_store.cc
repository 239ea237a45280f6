// The store's client against a daemon that sends whatever the input says, in whatever pieces, while
// users submit, cancel, watch, open transactions, close and open the gate. It must stay within its
// memory, end every wait, and let everyone out when the connection is made anew.
#include <cstring>

#include "drivers/store/store.h"
#include "tests/fuzz/drivers/tiny_machine.h"

// Uses fixed-width types without including them.
#include <xen/io/xs_wire.h>

namespace {

using namespace resume;

struct Input {
    const uint8_t* at;
    const uint8_t* end;
    uint8_t byte() { return at != end ? *at++ : uint8_t{0}; }
    bool empty() const { return at == end; }
};

xenstore_domain_interface& ring(Machine& machine) {
    return *reinterpret_cast<xenstore_domain_interface*>(machine.store_page);
}

/// As a daemon would, but with the input's bytes.
void send(Machine& machine, Input& input) {
    xenstore_domain_interface& page = ring(machine);
    page.req_cons = page.req_prod;
    for (uint32_t count = input.byte(); count != 0 && !input.empty(); --count) {
        if (page.rsp_prod - page.rsp_cons >= XENSTORE_RING_SIZE) {
            return;
        }
        page.rsp[MASK_XENSTORE_IDX(page.rsp_prod)] = static_cast<char>(input.byte());
        ++page.rsp_prod;
    }
}

/// A well-formed answer to one of the first requests, so that the input need not guess ids.
void answer(Machine& machine, Input& input) {
    xenstore_domain_interface& page = ring(machine);
    page.req_cons = page.req_prod;
    char payload[64];
    const uint32_t length = input.byte() % sizeof(payload);
    for (uint32_t i = 0; i < length; ++i) {
        payload[i] = static_cast<char>(input.byte());
    }
    const xsd_sockmsg head{input.byte() % 32U, input.byte() % 64U, 0, length};
    char message[sizeof(head) + sizeof(payload)];
    std::memcpy(message, &head, sizeof(head));
    std::memcpy(message + sizeof(head), payload, length);
    for (uint32_t i = 0; i < sizeof(head) + length; ++i) {
        if (page.rsp_prod - page.rsp_cons < XENSTORE_RING_SIZE) {
            page.rsp[MASK_XENSTORE_IDX(page.rsp_prod)] = message[i];
            ++page.rsp_prod;
        }
    }
}

void submit(Store& store, StoreRequest& request, Input& input) {
    static const char kPath[] = "data/x";
    if (request.state != StoreRequest::State::idle && request.state != StoreRequest::State::done) {
        store.cancel(request);
        return;
    }
    static char reply[32];
    request.type = input.byte() % 32U;
    request.task = input.byte() % 4U;
    request.transaction = input.byte() % 4U;
    request.head = kPath;
    request.head_size = sizeof(kPath);
    request.reply = reply;
    request.reply_capacity = input.byte() % (sizeof(reply) + 1);
    (void)store.submit(request);
}

void gate(Store& store, Machine& machine, Input& input) {
    if (!store.closed()) {
        (void)store.close(raw_counter(machine) + 50);
        return;
    }
    const auto outcome = static_cast<Outcome>(input.byte() % kOutcomeCount);
    const auto evidence = static_cast<DomainEvidence>(1 + input.byte() % 2U);
    (void)store.open(outcome, evidence);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    static Machine machine;
    machine.reset();
    Input input{data, data + size};
    const HypercallPage page{machine, 1, {}};
    const SharedInfo shared{machine, page, Machine::kSharedFrame, Machine::kAreaFrame, {}};
    EventChannels events{machine, shared, {}};
    Store store{machine, events, {}};
    resume::BootContext::with([&](BootContext& boot) noexcept { (void)store.boot(boot); });
    StoreRequest requests[8];
    StoreWatch watches[3];
    StoreTransaction transaction{.owner = StoreTransaction::Owner::task, .task = 3};
    machine.idle = [](Machine& waiting, void* more) noexcept {
        send(waiting, *static_cast<Input*>(more));
    };
    machine.idle_argument = &input;
    while (!input.empty()) {
        const uint8_t what = input.byte();
        StoreWatch& watch = watches[what % 3U];
        switch (what % 10U) {
            case 0:
                send(machine, input);
                break;
            case 1:
                answer(machine, input);
                break;
            case 2:
                submit(store, requests[what / 10U % 8U], input);
                break;
            case 3:
                store.pump();
                break;
            case 4:
                watch.path = "data";
                (void)(watch.registered ? store.unwatch(watch) : store.watch(watch));
                break;
            case 5:
                (void)(transaction.id == 0 ? store.begin(transaction)
                                           : store.end(transaction, what > 128));
                break;
            case 6:
                gate(store, machine, input);
                break;
            case 7:
                store.abandon(what / 10U % 4U);
                break;
            case 8:
                ring(machine).rsp_prod += what > 200 ? input.byte() * 16U : 0U;
                break;
            default:
                ring(machine).req_cons += what > 200 ? input.byte() : 0U;
                break;
        }
    }
    if (!store.closed()) {
        (void)store.lock_out(0);
    }
    if (store.closed()) {
        (void)store.open(Outcome::resumed, DomainEvidence::fresh);
    }
    for (StoreRequest& request : requests) {
        store.cancel(request);
    }
    for (StoreWatch& watch : watches) {
        store.forget(watch);
    }
    events.release_all();
    return 0;
}
