#include "tests/stress/guest/loaded_net.h"

#include <algorithm>
#include <new>

namespace resume::stress {

namespace {

constexpr uint64_t kBurstsPerSecond = 100;

}  // namespace

LoadedNet::LoadedNet(ModelledGuest& guest, const model::NetbackConfig& backing, uint64_t seed,
                     Bugs bugs)
    : guest_{guest},
      backend{guest.machine().add_backend<model::Netback>(backing)},
      net{*new (net_memory_)
              Netfront{guest.machine(),
                       guest.guest().events(),
                       guest.guest().grants(),
                       guest.guest().store(),
                       {.name = "net",
                        .memory = memory_.get(),
                        .queues = kQueues,
                        .user = {.self = &load, .received = &FrameLoad::on_received}},
                       bugs}},
      load{guest.machine(), net, seed} {
    backend.wire = [this](const model::Netback::Frame& frame) { send_back(frame); };
}

void LoadedNet::start() {
    guest_.run([this] {
        RESUME_ASSERT(guest_.guest().add(net).ok());
        net.start();
    });
}

void LoadedNet::pump() {
    net.pump();
    if (running && raw_counter(guest_.machine()) >= next_) {
        load.burst();
        next_ = raw_counter(guest_.machine()) + counter_hz(guest_.machine()) / kBurstsPerSecond;
    }
}

bool LoadedNet::remove() {
    return guest_
               .run([this] {
                   net.stop();
                   RESUME_ASSERT(guest_.guest().remove(net).ok());
               })
               .end == model::GuestEnd::returned;
}

LoadedNet::~LoadedNet() {
    if (!guest_.machine().alive() || guest_.guest().engine().running()) {
        return;  // a dead guest's objects cannot be taken apart
    }
    guest_.work_with(nullptr);
    if (net.registered() && !remove()) {
        return;
    }
    backend.vanish();  // it writes to our pages for as long as it has them
    net.~Netfront();
}

void LoadedNet::send_back(const model::Netback::Frame& frame) {
    model::Netback::Frame answer = frame;
    std::copy_n(frame.begin() + kMacSize, kMacSize, answer.begin());
    guest_.machine().clock.after(model::kMillisecond, [this, answer] { backend.deliver(answer); });
}

}  // namespace resume::stress
