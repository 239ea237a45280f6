#include "tests/unit/oracle/story.h"

#include <gtest/gtest.h>

#include "libresume/oracle/xen_abi.h"
#include "libresume/result.h"

namespace resume::oracle {
namespace {

constexpr uint64_t kVirqTimer = uint64_t{1} << 32;
constexpr uint64_t kIpi = uint64_t{0x100} << 32;
constexpr uint32_t kStorePort = 1;
constexpr uint32_t kWrite = 11;  // XS_WRITE

}  // namespace

Story::Story() {
    view_.guest = "xen-pvh";
    view_.vcpus = 2;
    view_.frequency = 1'000'000'000;
    view_.sights = Sight::all;
    const auto device = [this](DeviceId id, DeviceId parent, SystemRank rank, const char* name) {
        view_.devices[id] = {parent, rank, name, {}};
        tell({.arg64 = static_cast<uint64_t>(rank),
              .arg32 = parent,
              .device = id,
              .kind = EventKind::device_added});
    };
    device(1, 0, SystemRank::hypercall_page, "hypercall_page");
    device(kSharedInfo, 0, SystemRank::shared_info, "shared_info");
    device(3, 0, SystemRank::callback, "callback");
    device(4, 0, SystemRank::event_channels, "event_channels");
    device(kTimer, 4, SystemRank::timer, "timer");
    device(kTimekeeping, 2, SystemRank::timekeeping, "timekeeping");
    device(kBus, 0, SystemRank::none, "bus");
    device(kDisk, kBus, SystemRank::none, "disk");
    device(kNet, kBus, SystemRank::none, "net");
    view_.devices[kNet].suppliers = {kDisk};
    tell({.arg32 = 7, .device = 4, .kind = EventKind::gate_allocated, .witness = Witness::driver});
    set_up_domain();
    by_xen({.arg64 = now_ + 1'000'000, .arg32 = 0, .kind = EventKind::timer_armed});
    by_store(EventKind::watch_added, 0, 0x77);
    by_store(EventKind::feature_written, 1);
    clock();
    tell({.arg64 = 1'700'000'000'000'000'000,
          .arg32 = 1,
          .device = kTimekeeping,
          .kind = EventKind::clock_read,
          .witness = Witness::driver});
}

TraceEvent& Story::tell(TraceEvent event, uint64_t passes) {
    now_ += passes;
    clock_ns_ += passes;
    event.ticks = now_;
    view_.events.push_back(event);
    return view_.events.back();
}

void Story::by_platform(EventKind kind, uint32_t arg, uint8_t cpu) {
    tell({.arg32 = arg, .kind = kind, .witness = Witness::other_side, .cpu = cpu});
}

void Story::by_xen(TraceEvent event) {
    event.witness = Witness::other_side;
    tell(event);
}

void Story::by_store(EventKind kind, uint32_t arg32, uint64_t arg64) {
    tell({.arg64 = arg64, .arg32 = arg32, .kind = kind, .witness = Witness::other_side});
}

void Story::set_up_domain() {
    by_xen({.arg64 = 0xfe700, .arg32 = XENMAPSPACE_shared_info, .kind = EventKind::memory_mapped});
    by_xen({.arg64 = uint64_t{2} << 56 | 0x20,
            .arg32 = HVM_PARAM_CALLBACK_IRQ,
            .kind = EventKind::param_written});
    for (uint32_t vcpu = 0; vcpu < 2; ++vcpu) {
        by_xen({.arg64 = 0x100, .arg32 = vcpu, .kind = EventKind::vcpu_info_set});
        by_xen({.arg64 = kIpi | vcpu, .arg32 = 3 + vcpu, .kind = EventKind::port_bound});
        by_xen({.arg64 = kVirqTimer | vcpu, .arg32 = 5 + vcpu, .kind = EventKind::port_bound});
    }
    by_xen({.arg64 = kStorePort, .arg32 = HVM_PARAM_STORE_EVTCHN, .kind = EventKind::param_read});
    by_xen({.arg64 = 2, .arg32 = HVM_PARAM_CONSOLE_EVTCHN, .kind = EventKind::param_read});
}

void Story::request() {
    by_store(EventKind::request_seen, 0);
    by_store(EventKind::store_request, kWrite, request_id_);
    by_xen({.arg32 = kStorePort, .kind = EventKind::port_notified});
    by_store(EventKind::request_acked, 0);
    by_store(EventKind::store_reply, kWrite, request_id_++);
}

void Story::step(Step step, const std::function<void()>& body, int32_t status) {
    tell({.arg32 = static_cast<uint32_t>(step), .kind = EventKind::step_begin});
    if (body) {
        body();
    }
    tell({.arg32 = static_cast<uint32_t>(step), .status = status, .kind = EventKind::step_end});
}

void Story::hooks(Phase phase, std::vector<DeviceId> devices, Outcome outcome) {
    for (const DeviceId device : devices) {
        tell({.arg32 = static_cast<uint32_t>(outcome),
              .device = device,
              .kind = EventKind::hook_begin,
              .phase = phase});
        tell({.device = device, .kind = EventKind::hook_end, .phase = phase});
    }
}

void Story::clock() {
    tell({.arg64 = clock_ns_,
          .arg32 = 0,
          .device = kTimekeeping,
          .kind = EventKind::clock_read,
          .witness = Witness::driver});
}

void Story::begin(Outcome) {
    request();
    cycle_start_ = view_.events.size();
    tell({.arg32 = ++cycles_,
          .status = static_cast<int32_t>(Kind::xen_suspend),
          .kind = EventKind::cycle_begin});
    step(Step::prepare, [this] {
        clock();
        hooks(Phase::prepare, {kSharedInfo, kBus, kDisk, kNet});
    });
    step(Step::freeze_tasks, [this] { by_platform(EventKind::task_frozen, 5); });
}

void Story::go_down() {
    step(Step::suspend, [this] { hooks(Phase::suspend, {kNet, kDisk, kBus}); });
    step(Step::close_store,
         [this] { tell({.kind = EventKind::store_closed, .witness = Witness::driver}); });
    step(Step::suspend_late, [this] { hooks(Phase::suspend_late, {kDisk}); });
    step(Step::mask_device_irqs, [this] { by_platform(EventKind::device_irqs_masked); });
    step(Step::suspend_noirq, [this] { hooks(Phase::suspend_noirq, {kNet, kBus}); });
    step(Step::park_vcpus, [this] { by_platform(EventKind::cpu_parked, 1); });
    step(Step::disable_irqs, [this] { by_platform(EventKind::irqs_disabled); });
    step(Step::syscore_suspend, [this] {
        hooks(Phase::syscore_suspend, {kTimekeeping, kTimer, 4, 3, kSharedInfo, 1});
    });
}

void Story::enter(int32_t returned, DomainEvidence evidence) {
    step(Step::enter, [&] {
        by_xen({.kind = EventKind::guest_at_shutdown});
        by_xen({.arg64 = uint64_t{SHUTDOWN_suspend} << 32 | SCHEDOP_shutdown,
                .arg32 = __HYPERVISOR_sched_op,
                .status = returned,
                .kind = EventKind::hypercall});
        by_xen({.arg32 = static_cast<uint32_t>(evidence), .kind = EventKind::evidence});
    });
}

void Story::come_up(Outcome outcome, bool anew) {
    step(Step::syscore_resume, [&] {
        hooks(Phase::syscore_resume, {1, kSharedInfo, 3, 4}, outcome);
        if (anew) {
            set_up_domain();
        }
        hooks(Phase::syscore_resume, {kTimer, kTimekeeping}, outcome);
        by_xen({.arg64 = now_ + 1'000'000, .arg32 = 0, .kind = EventKind::timer_armed});
        clock();
        if (anew) {
            tell({.arg64 = 42,
                  .arg32 = 1,
                  .kind = EventKind::runstate_folded,
                  .witness = Witness::driver});
            tell({.arg64 = 1'700'000'100'000'000'000,
                  .arg32 = 1,
                  .device = kTimekeeping,
                  .kind = EventKind::clock_read,
                  .witness = Witness::driver});
        }
    });
    step(Step::enable_irqs, [this] { by_platform(EventKind::irqs_enabled); });
    step(Step::unpark_vcpus, [this] { by_platform(EventKind::cpu_unparked, 1); });
    step(Step::resume_noirq, [&] { hooks(Phase::resume_noirq, {kBus, kNet}, outcome); });
    step(Step::unmask_device_irqs, [this] { by_platform(EventKind::device_irqs_unmasked); });
    step(Step::resume_early, [&] { hooks(Phase::resume_early, {kDisk}, outcome); });
    step(Step::open_store, [&] {
        if (anew) {
            by_store(EventKind::watch_added, 0, 0x77);
        }
        tell({.arg32 = static_cast<uint32_t>(outcome),
              .kind = EventKind::store_opened,
              .witness = Witness::driver});
    });
}

void Story::end(Outcome outcome) {
    step(Step::thaw_tasks, [this] { by_platform(EventKind::task_thawed, 5); });
    step(Step::complete, [&] {
        hooks(Phase::complete, {kNet, kDisk, kBus, kSharedInfo}, outcome);
    });
    clock();
    tell({.status = static_cast<int32_t>(outcome), .kind = EventKind::cycle_end});
}

Story& Story::resumed(DomainEvidence evidence) {
    begin(Outcome::resumed);
    go_down();
    enter(0, evidence);
    tell({.status = static_cast<int32_t>(Outcome::resumed), .kind = EventKind::outcome_known});
    const bool anew = evidence != DomainEvidence::same;
    come_up(Outcome::resumed, true);
    step(Step::resume, [this] { hooks(Phase::resume, {kBus, kDisk, kNet}, Outcome::resumed); });
    if (!anew) {
        drop(find([](const TraceEvent& e) { return e.kind == EventKind::runstate_folded; },
                  cycle_start_));
    }
    by_store(EventKind::feature_written, 1);
    end(Outcome::resumed);
    return *this;
}

Story& Story::cancelled() {
    begin(Outcome::cancelled);
    go_down();
    enter(1, DomainEvidence::same);
    tell({.status = static_cast<int32_t>(Outcome::cancelled), .kind = EventKind::outcome_known});
    come_up(Outcome::cancelled, false);
    step(Step::resume, [this] { hooks(Phase::resume, {kBus, kDisk, kNet}, Outcome::cancelled); });
    end(Outcome::cancelled);
    return *this;
}

Story& Story::aborted() {
    begin(Outcome::aborted);
    const auto refused = static_cast<int32_t>(Errc::refused);
    step(
        Step::suspend,
        [&] {
            hooks(Phase::suspend, {kNet, kDisk});
            TraceEvent& last = view_.events.back();
            last.status = refused;
            last.arg64 = static_cast<uint64_t>(-16);
        },
        refused);
    tell({.status = static_cast<int32_t>(Outcome::aborted), .kind = EventKind::outcome_known});
    step(Step::resume, [this] { hooks(Phase::resume, {kNet}, Outcome::aborted); });
    end(Outcome::aborted);
    return *this;
}

size_t Story::find(const Match& match, size_t from) const {
    for (size_t i = from; i < view_.events.size(); ++i) {
        if (match(view_.events[i])) {
            return i;
        }
    }
    ADD_FAILURE() << "no such event in the story";
    return 0;
}

size_t Story::find(EventKind kind, size_t from) const {
    return find([kind](const TraceEvent& event) { return event.kind == kind; }, from);
}

size_t Story::find_hook(EventKind kind, DeviceId device, Phase phase) const {
    return find([=](const TraceEvent& event) {
        return event.kind == kind && event.device == device && event.phase == phase;
    });
}

Story& Story::drop(size_t index) {
    view_.events.erase(view_.events.begin() + static_cast<std::ptrdiff_t>(index));
    return *this;
}

Story& Story::drop_all(const Match& match) {
    size_t dropped = 0;
    for (size_t i = view_.events.size(); i > cycle_start_; --i) {
        if (match(view_.events[i - 1])) {
            drop(i - 1);
            ++dropped;
        }
    }
    EXPECT_GT(dropped, 0U) << "nothing to drop in the last cycle";
    return *this;
}

Story& Story::drop_all(EventKind kind) {
    return drop_all([kind](const TraceEvent& event) { return event.kind == kind; });
}

Story& Story::insert(size_t index, TraceEvent event) {
    event.ticks = view_.events[index].ticks;
    view_.events.insert(view_.events.begin() + static_cast<std::ptrdiff_t>(index), event);
    return *this;
}

Story& Story::move(size_t from, size_t before) {
    const TraceEvent event = view_.events[from];
    drop(from);
    return insert(before > from ? before - 1 : before, event);
}

}  // namespace resume::oracle
