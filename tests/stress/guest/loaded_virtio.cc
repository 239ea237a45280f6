#include "tests/stress/guest/loaded_virtio.h"

#include <algorithm>
#include <new>

namespace resume::stress {

namespace {

constexpr uint64_t kBurstsPerSecond = 100;

}  // namespace

LoadedVirtio::LoadedVirtio(KvmModelledGuest& guest, const LoadedVirtioConfig& config)
    : guest_{guest},
      lane_count_{config.lanes},
      lanes_{config.lanes},
      drive{guest.host().add_device<model::VirtioDisk>(config.disk)},
      nic{guest.host().add_device<model::VirtioNic>(config.nic)},
      disk{*new (disk_place_)
               VirtioBlk{guest.machine(),
                         guest.guest().lines(),
                         {.name = "virtio0", .base = drive.base(), .memory = disk_memory_.get()},
                         config.bugs}},
      net{*new (net_place_)
              VirtioNet{guest.machine(),
                        guest.guest().lines(),
                        {.name = "virtio1",
                         .base = nic.base(),
                         .memory = net_memory_.get(),
                         .user = {.self = &frame_load, .received = &FrameLoad::on_received}},
                        config.bugs}},
      disk_load{disk, lanes_.get(), config.lanes, config.seed},
      frame_load{guest.machine(), net, config.seed} {
    nic.wire = [this](const model::VirtioNic::Frame& frame) { send_back(frame); };
    guest_.boot_with([this](BootContext& boot) { return this->boot(boot); });
}

Result<> LoadedVirtio::boot(BootContext& boot) {
    RESUME_TRY(disk.boot(boot));
    RESUME_TRY(net.boot(boot));
    drive.route(disk.line().vector);
    nic.route(net.line().vector);
    return {};
}

bool LoadedVirtio::start() {
    guest_.work_with([this] { pump(); });
    guest_.run([this] {
        RESUME_ASSERT(guest_.guest().add(disk).ok() && guest_.guest().add(net).ok());
        disk.start();
        net.start();
    });
    guest_.idle(100 * model::kMillisecond);
    if (!disk.is_up() || !net.is_up()) {
        return false;
    }
    running = true;
    return guest_.run([this] { disk_load.start(); }).end == model::GuestEnd::returned;
}

void LoadedVirtio::pump() {
    disk.pump();
    net.pump();
    Machine& machine = guest_.machine();
    if (running && raw_counter(machine) >= next_) {
        frame_load.burst();
        next_ = raw_counter(machine) + counter_hz(machine) / kBurstsPerSecond;
    }
}

LoadedVirtio::~LoadedVirtio() {
    if (!guest_.machine().alive() || guest_.guest().engine().running()) {
        return;  // a dead guest's objects cannot be taken apart
    }
    guest_.work_with(nullptr);
    const model::RunResult ended = guest_.run([this] {
        disk_load.stop();
        for (Device* const device : {static_cast<Device*>(&net), static_cast<Device*>(&disk)}) {
            if (device->registered()) {
                RESUME_ASSERT(guest_.guest().remove(*device).ok());
            }
        }
        net.stop();
        disk.stop();
    });
    if (ended.end != model::GuestEnd::returned) {
        return;
    }
    net.~VirtioNet();
    disk.~VirtioBlk();
}

bool LoadedVirtio::settle() {
    guest_.run([this] { disk_load.stop(); });
    running = false;
    for (int second = 0; second < 70 && !(disk_load.idle() && frame_load.under_way() == 0);
         ++second) {
        guest_.idle(model::kSecond);
    }
    return disk_load.idle() && frame_load.under_way() == 0;
}

uint32_t LoadedVirtio::wrong_sectors() const {
    uint32_t wrong = 0;
    for (uint32_t i = 0; i < lane_count_ * kLaneSectors; ++i) {
        const DiskLane& lane = lanes_.get()[i / kLaneSectors];
        const char* sector = reinterpret_cast<const char*>(drive.sectors.data()) +
                             static_cast<size_t>(i) * kSectorSize;
        wrong += DiskLoad::holds(sector, i, lane.versions[i % kLaneSectors]) ? 0U : 1U;
    }
    return wrong;
}

void LoadedVirtio::send_back(const model::VirtioNic::Frame& frame) {
    model::VirtioNic::Frame answer = frame;
    std::copy_n(frame.begin() + kMacSize, kMacSize, answer.begin());
    guest_.machine().clock.after(model::kMillisecond, [this, answer] { nic.deliver(answer); });
}

}  // namespace resume::stress
