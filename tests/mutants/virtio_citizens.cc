#include "tests/mutants/virtio_citizens.h"

#include "drivers/model/kvm/host.h"

namespace resume::mutants {
namespace {

model::VirtioDiskConfig drive_of() {
    model::VirtioDiskConfig config{{.handle = 1}};
    config.service = 20 * model::kMillisecond;  // so that requests are under way in every cycle
    return config;
}

}  // namespace

VirtioCitizens::VirtioCitizens(Machine& machine, KvmGuest& guest)
    : machine_{machine},
      guest_{guest},
      drive_{machine.kvm->add_device<model::VirtioDisk>(drive_of())},
      nic_{machine.kvm->add_device<model::VirtioNic>(model::VirtioNicConfig{{.handle = 2}})},
      disk_{machine,
            guest.lines(),
            {.name = "vda", .base = drive_.base(), .memory = disk_memory_.get()},
            Bugs{}},
      net_{machine,
           guest.lines(),
           {.name = "eth0",
            .base = nic_.base(),
            .memory = net_memory_.get(),
            .user = {.self = &frames_, .received = &FrameLoad::on_received}},
           Bugs{}},
      disk_load_{disk_, lanes_.get(), kLanes, 1},
      frames_{machine, net_, 1} {
    nic_.wire = [this](const model::VirtioNic::Frame& frame) {
        // On their way back for so long that some are when the guest goes down.
        machine_.clock.after(20 * model::kMillisecond, [this, frame] { nic_.deliver(frame); });
    };
}

VirtioCitizens::~VirtioCitizens() {
    if (machine_.alive()) {
        machine_.run([this] {
            disk_load_.stop();
            disk_.stop();
            net_.stop();
        });
    }
}

Result<> VirtioCitizens::boot(BootContext& boot) noexcept {
    RESUME_TRY(disk_.boot(boot));
    RESUME_TRY(net_.boot(boot));
    drive_.route(disk_.line().vector);
    nic_.route(net_.line().vector);
    return {};
}

Result<> VirtioCitizens::add() noexcept {
    RESUME_TRY(guest_.add(disk_));
    RESUME_TRY(guest_.add(net_));
    disk_.start();
    net_.start();
    return {};
}

void VirtioCitizens::remove() noexcept {
    for (Device* const device : {static_cast<Device*>(&net_), static_cast<Device*>(&disk_)}) {
        if (device->registered()) {
            static_cast<void>(guest_.remove(*device).ok());
        }
    }
}

void VirtioCitizens::pump() noexcept {
    disk_.pump();
    net_.pump();
}

void VirtioCitizens::load() noexcept {
    replayed_ = disk_.replayed();
    told_ = nic_.announcements();
    written_ = disk_load_.writes();
    disk_load_.start();
    frames_.burst();
    pump();
}

uint32_t VirtioCitizens::wrong_sectors() const {
    uint32_t wrong = 0;
    for (uint32_t i = 0; i < kLanes * kLaneSectors; ++i) {
        const char* const sector = reinterpret_cast<const char*>(drive_.sectors.data()) +
                                   static_cast<size_t>(i) * kSectorSize;
        const uint32_t version = lanes_[i / kLaneSectors].versions[i % kLaneSectors];
        wrong += DiskLoad::holds(sector, i, version) ? 0U : 1U;
    }
    return wrong;
}

std::string VirtioCitizens::check(bool reset, const std::function<void(Nanoseconds)>& idle) {
    idle(3 * model::kSecond);
    const std::string wrong = check_disk(reset, idle);
    return wrong.empty() ? check_net(reset, idle) : wrong;
}

std::string VirtioCitizens::check_disk(bool reset, const std::function<void(Nanoseconds)>& idle) {
    if (!disk_load_.idle() || !disk_load_.clean() || wrong_sectors() != 0) {
        return "the disk lost or changed something";
    }
    if (disk_load_.writes() == written_) {
        return "the disk is dead";
    }
    if (!reset && disk_.replayed() != replayed_) {
        return "the disk was asked again for what it had not lost";
    }
    if (drive_.agreed() != disk_.features()) {
        return "the disk's device has agreed on something else";
    }
    if (!disk_.info().flush || disk_.info().segments != drive_.disk.segments) {
        return "the disk does not use what is offered";
    }
    disk_load_.start();
    disk_load_.stop();
    // Nothing else interrupts now: a disk whose line is deaf does not get on.
    idle(model::kSecond);
    if (!disk_load_.idle()) {
        return "the disk is deaf";
    }
    return disk_.malformed() == 0 ? "" : "the disk was not understood";
}

// A device that was not reset loses no frame; of one that was the network hears, once.
std::string VirtioCitizens::check_net(bool reset, const std::function<void(Nanoseconds)>& idle) {
    connections_ += reset ? 1 : 0;
    if (net_.counters().connections != connections_) {
        return "the interface was brought up " + std::to_string(net_.counters().connections) +
               " times";
    }
    if (frames_.under_way() != 0 || (!reset && frames_.lost() != 0)) {
        return "frames of before the cycle were lost";
    }
    if (nic_.announcements() - told_ != (reset ? 1 : 0)) {
        return "the network was told " + std::to_string(nic_.announcements() - told_) + " times";
    }
    if (nic_.agreed() != net_.features()) {
        return "the interface's device has agreed on something else";
    }
    if (!has_feature(net_.features(), VIRTIO_NET_F_GUEST_ANNOUNCE)) {
        return "the interface does not use what is offered";
    }
    const uint64_t before = frames_.came_back();
    frames_.burst();
    // One look after each interrupt and none without: a line that is deaf shows.
    idle(model::kSecond);
    if (frames_.came_back() - before != FrameLoad::kLanes) {
        return "the interface is dead";
    }
    const bool good = frames_.wrong() + frames_.doubled() + net_.malformed() == 0;
    return good ? "" : "frames came back twice or changed";
}

}  // namespace resume::mutants
