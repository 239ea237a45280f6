// The handshake against a store that answers control/shutdown with the input: it acks only a word
// that it handles, exactly, once, and never while a request is under way.
#include <cstdlib>
#include <cstring>
#include <string>

#include "tests/fuzz/drivers/tiny_machine.h"
#include "xen/handshake/handshake.h"

namespace {

using namespace resume;

struct Store {
    struct Transaction {
        uint32_t id = 0;
    };
    struct Watch {
        const char* path = nullptr;
        void (*fired)(void* argument, const char* where) noexcept = nullptr;
        void* argument = nullptr;
    };

    uint8_t byte() noexcept { return at != end_of_input ? *at++ : uint8_t{0}; }
    Errc luck() noexcept {
        const uint8_t dice = byte();
        return dice > 200 ? static_cast<Errc>(1 + dice % 16U) : Errc::none;
    }
    Result<uint32_t> read(const char*, char* value, uint32_t capacity, uint32_t) noexcept {
        if (const Errc bad = luck(); bad != Errc::none) {
            shown.clear();
            return bad;
        }
        static const char* const kWords[] = {"suspend", "poweroff", "", "suspend\n", "reboot"};
        const uint8_t dice = byte();
        if (dice < 128) {
            shown = kWords[dice % 5U];
        } else {
            shown.clear();
            for (uint32_t i = dice % 24U; i != 0; --i) {
                shown.push_back(static_cast<char>(byte()));
            }
        }
        std::memcpy(value, shown.data(), shown.size() < capacity ? shown.size() : capacity);
        return static_cast<uint32_t>(shown.size());
    }
    Result<> write(const char* path, const char*, uint32_t size, uint32_t id) noexcept {
        if (std::strcmp(path, "control/shutdown") == 0) {
            if (size != 0 || id == 0 || shown != "suspend" || busy) {
                std::abort();
            }
            emptied = true;
        }
        return luck();
    }
    Result<> begin(Transaction& transaction) noexcept {
        emptied = false;
        transaction.id = 1;
        return luck();
    }
    Result<> end(Transaction& transaction, bool commit) noexcept {
        transaction.id = 0;
        const Errc result = luck();
        acks += commit && emptied && result == Errc::none ? 1U : 0U;
        return result;
    }
    Result<> watch(Watch&) noexcept { return {}; }
    Result<> unwatch(Watch&) noexcept { return {}; }
    void forget(Watch&) noexcept {}

    const uint8_t* at;
    const uint8_t* end_of_input;
    std::string shown{};
    bool emptied = false;
    bool busy = false;
    uint32_t acks = 0;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    static Machine machine;
    machine.reset();
    Store store{.at = data, .end_of_input = data + size};
    Handshake<Store> handshake{machine, store, {}};
    if (!handshake.start().ok()) {
        return 0;
    }
    uint32_t taken = 0;
    while (store.at != store.end_of_input) {
        const auto request = handshake.poll();
        if (request.ok() && request.value().word != ShutdownWord::none) {
            ++taken;
        }
        if (taken != store.acks) {
            std::abort();
        }
        store.busy = handshake.busy();
        if (store.byte() > 100 && handshake.busy()) {
            (void)handshake.finished(static_cast<Outcome>(store.byte() % kOutcomeCount));
            store.busy = false;
        }
    }
    return 0;
}
