// The frontends of this project under the suite, each with a backend of the model's.
#include "drivers/blkfront/blkfront.h"
#include "drivers/model/backend/blkback.h"
#include "drivers/model/backend/netback.h"
#include "drivers/netfront/netfront.h"
#include "tests/conformance/conformance.h"
#include "tests/workload/frame_load.h"

namespace resume::conformance {
namespace {

constexpr uint32_t kQueues = 2;

/// A disk of two queues; persistent grants or not.
template <bool kPersistent>
struct BlkfrontSubject {
    BlkfrontSubject()
        : backend{guest.machine.add_backend<model::Blkback>(offered())},
          disk{*new Blkfront{guest.machine,
                             guest.guest.events(),
                             guest.guest.grants(),
                             guest.guest.store(),
                             {.name = kPersistent ? "vbd_persistent" : "vbd",
                              .memory = memory.get(),
                              .queues = kQueues},
                             Bugs{}}} {}
    ~BlkfrontSubject() {
        if (!guest.machine.alive()) {
            return;  // what lies in a dead guest cannot be taken apart
        }
        if (disk.registered()) {
            guest.run([this] { disk.stop(); });
            EXPECT_TRUE(guest.guest.remove(disk).ok());
            backend.vanish();  // it writes to our pages for as long as it has them
        }
        delete &disk;
    }
    BlkfrontSubject(const BlkfrontSubject&) = delete;
    BlkfrontSubject& operator=(const BlkfrontSubject&) = delete;

    static model::BlkbackConfig offered() {
        model::BlkbackConfig config;
        config.queues = kQueues;
        config.persistent = kPersistent;
        return config;
    }
    void attach() {
        ASSERT_TRUE(guest.guest.add(disk).ok());
        disk.start();
    }
    Device& device() { return disk; }

    bool transfer(BlockRequest::Operation operation) {
        BlockRequest request;
        Errc result = Errc::busy;
        request.operation = operation;
        request.sector = 8;
        request.sectors = 16;
        request.data = data;
        request.argument = &result;
        request.completed = [](void* out, BlockRequest&, Errc ended) noexcept {
            *static_cast<Errc*>(out) = ended;
        };
        if (!disk.submit(request).ok()) {
            return false;
        }
        const Ticks end = raw_counter(guest.machine) + counter_hz(guest.machine) * 20;
        while (request.accepted && raw_counter(guest.machine) < end) {
            guest.guest.pump();
            disk.pump();
            if (request.accepted) {
                wait_for_interrupt(guest.machine, end);
            }
        }
        return result == Errc::none;
    }
    bool works() {
        for (char& byte : data) {
            byte = static_cast<char>(++count);
        }
        const char first = data[0];
        if (!transfer(BlockRequest::Operation::write)) {
            return false;
        }
        for (char& byte : data) {
            byte = 0;
        }
        return transfer(BlockRequest::Operation::read) && data[0] == first &&
               disk.malformed() == 0 && disk.leaked_grants() == 0;
    }

    ModelGuest guest;
    std::unique_ptr<BlockQueueMemory[]> memory{new BlockQueueMemory[kQueues]};
    model::Blkback& backend;
    Blkfront& disk;
    alignas(kSectorSize) char data[16 * kSectorSize] = {};
    uint32_t count = 0;
};

/// An interface of two queues, with a peer that sends each frame back.
struct NetfrontSubject {
    NetfrontSubject()
        : backend{guest.machine.add_backend<model::Netback>(offered())},
          net{*new Netfront{guest.machine,
                            guest.guest.events(),
                            guest.guest.grants(),
                            guest.guest.store(),
                            {.name = "vif",
                             .memory = memory.get(),
                             .queues = kQueues,
                             .user = {.self = &load, .received = &FrameLoad::on_received}},
                            Bugs{}}},
          load{guest.machine, net, 1} {
        backend.wire = [this](const model::Netback::Frame& frame) { backend.deliver(frame); };
    }
    ~NetfrontSubject() {
        if (!guest.machine.alive()) {
            return;  // what lies in a dead guest cannot be taken apart
        }
        if (net.registered()) {
            guest.run([this] { net.stop(); });
            EXPECT_TRUE(guest.guest.remove(net).ok());
            backend.vanish();  // it writes to our pages for as long as it has them
        }
        delete &net;
    }
    NetfrontSubject(const NetfrontSubject&) = delete;
    NetfrontSubject& operator=(const NetfrontSubject&) = delete;

    static model::NetbackConfig offered() {
        model::NetbackConfig config;
        config.queues = kQueues;
        return config;
    }
    void attach() {
        ASSERT_TRUE(guest.guest.add(net).ok());
        net.start();
    }
    Device& device() { return net; }

    bool works() {
        const Ticks end = raw_counter(guest.machine) + counter_hz(guest.machine) * 20;
        const uint64_t before = load.came_back();
        while (load.came_back() == before && raw_counter(guest.machine) < end) {
            load.burst();
            guest.guest.pump();
            net.pump();
            if (load.came_back() == before) {
                wait_for_interrupt(guest.machine, end);
            }
        }
        return load.came_back() != before && load.wrong() + load.doubled() == 0 &&
               net.malformed() + net.leaked_grants() == 0;
    }

    ModelGuest guest;
    std::unique_ptr<NetQueueMemory[]> memory{new NetQueueMemory[kQueues]};
    model::Netback& backend;
    Netfront& net;
    FrameLoad load;
};

using Devices = testing::Types<BlkfrontSubject<false>, BlkfrontSubject<true>, NetfrontSubject>;
struct Names {
    template <class Subject>
    static std::string GetName(int) {
        Subject subject;
        return subject.device().name();
    }
};
INSTANTIATE_TYPED_TEST_SUITE_P(Devices, Conformance, Devices, Names);

}  // namespace
}  // namespace resume::conformance
