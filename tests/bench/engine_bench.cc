// bench-engine [--json]: what a cycle of the engine costs beside the least that it could cost.
//
//   noop      a cycle over devices whose hooks do nothing, tracing on. Its floor, measured in the
//             same run and interleaved with it: the bare walk over the same devices that calls the
//             same hooks and reads the counter before and after each, as the trace needs.
//   makespan  10,000 devices with random dependencies whose hooks wait: the cycle's time over the
//             sum of each phase's critical path, which is computed here from the graph alone.
//             In virtual time, and in real time on one thread, less what other programs took of it.
#include <sched.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <memory>
#include <random>
#include <vector>

#include "libresume/engine.h"
#include "tests/bench/bench_machine.h"

namespace {

using namespace resume;

class NoopDevice final : public Device {
  public:
    NoopDevice() noexcept;
    static const DriverOps kOps;

  private:
    Progress down(ThreadContext&) noexcept { return Progress::done(); }
    Progress up(ThreadContext&, Outcome) noexcept { return Progress::done(); }
    Result<> noirq_down(NoirqContext&) noexcept { return {}; }
    Result<> noirq_up(NoirqContext&, Outcome) noexcept { return {}; }
};

constexpr DriverOps NoopDevice::kOps = {
    .driver = "noop",
    .prepare = thread_down<&NoopDevice::down>,
    .suspend = thread_down<&NoopDevice::down>,
    .suspend_late = thread_down<&NoopDevice::down>,
    .suspend_noirq = resume::noirq_down<&NoopDevice::noirq_down>,
    .resume_noirq = resume::noirq_up<&NoopDevice::noirq_up>,
    .resume_early = thread_up<&NoopDevice::up>,
    .resume = thread_up<&NoopDevice::up>,
    .complete = thread_up<&NoopDevice::up>,
};
NoopDevice::NoopDevice() noexcept : Device{kOps, "noop"} {}

constexpr uint32_t kHooksPerDevice = 8;

Result<Outcome> come_back(void*) noexcept {
    return Outcome::resumed;
}

EngineConfig config_of_bench() noexcept {
    EngineConfig config;
    config.guest.enter = come_back;
    return config;
}

uint32_t power_of_two_above(uint64_t value) noexcept {
    uint32_t power = 1;
    while (power < value) {
        power *= 2;
    }
    return power;
}

/// One floor walk; `hooks` and the counter reads are all that it does. Returns ticks.
class Floor {
  public:
    Floor(Machine& machine, Engine& engine, NoopDevice* devices, uint32_t count) noexcept
        : machine_{machine}, engine_{engine}, devices_{devices}, count_{count} {}

    Ticks cycle() noexcept {
        const Ticks begin = raw_counter(machine_);
        thread_down(&DriverOps::prepare, Phase::prepare, true);
        thread_down(&DriverOps::suspend, Phase::suspend, false);
        thread_down(&DriverOps::suspend_late, Phase::suspend_late, false);
        walk(false, [this](Device& device) noexcept {
            NoirqContext context{machine_};
            return device.ops().suspend_noirq(device, context).ok();
        });
        walk(true, [this](Device& device) noexcept {
            NoirqContext context{machine_};
            return device.ops().resume_noirq(device, context, Outcome::resumed).ok();
        });
        thread_up(&DriverOps::resume_early, Phase::resume_early, true);
        thread_up(&DriverOps::resume, Phase::resume, true);
        thread_up(&DriverOps::complete, Phase::complete, false);
        return raw_counter(machine_) - begin;
    }

    uint64_t sum = 0;  ///< keeps the counter reads alive

  private:
    template <class Call>
    void walk(bool forward, Call call) noexcept {
        for (uint32_t i = 0; i < count_; ++i) {
            Device& device = devices_[forward ? i : count_ - 1 - i];
            const Ticks begin = raw_counter(machine_);
            const bool good = call(device);
            sum += raw_counter(machine_) - begin + (good ? 0 : 1);
        }
    }
    void thread_down(ThreadDownHook DriverOps::*hook, Phase phase, bool forward) noexcept {
        walk(forward, [&](Device& device) noexcept {
            ThreadContext context{machine_, engine_, device, phase};
            return !(device.ops().*hook)(device, context).is_pending();
        });
    }
    void thread_up(ThreadUpHook DriverOps::*hook, Phase phase, bool forward) noexcept {
        walk(forward, [&](Device& device) noexcept {
            ThreadContext context{machine_, engine_, device, phase};
            return !(device.ops().*hook)(device, context, Outcome::resumed).is_pending();
        });
    }

    Machine& machine_;
    Engine& engine_;
    NoopDevice* devices_;
    uint32_t count_;
};

struct Noop {
    double ns_per_hook = 0;
    double floor_ns_per_hook = 0;
};

/// The least of the rounds: what a machine that does other work too cannot disturb.
double least(const std::vector<double>& values) {
    return *std::min_element(values.begin(), values.end());
}

Noop bench_noop(uint32_t count) {
    Machine machine{power_of_two_above(uint64_t{count} * (2 * kHooksPerDevice + 1) + 1024)};
    const auto devices = std::make_unique<NoopDevice[]>(count);
    Engine engine{machine, config_of_bench()};
    std::mt19937 random{1};
    for (uint32_t i = 0; i < count; ++i) {
        Device* parent = i == 0 ? nullptr : &devices[random() % i];
        if (!engine.add(devices[i], parent).ok()) {
            panic("a device could not be added", __FILE__, __LINE__);
        }
    }
    Floor floor{machine, engine, devices.get(), count};
    const double hooks = static_cast<double>(count) * kHooksPerDevice;
    const double ns_per_tick = 1e9 / static_cast<double>(measured_counter_hz());
    std::vector<double> engine_ns;
    std::vector<double> floor_ns;
    const uint32_t rounds = std::max(31U, 400'000 / count);
    for (uint32_t round = 0; round < rounds; ++round) {
        floor_ns.push_back(static_cast<double>(floor.cycle()) * ns_per_tick / hooks);
        const Ticks begin = raw_counter(machine);
        const auto result = engine.run({});
        const Ticks end = raw_counter(machine);
        if (!result.ok() || result.value().outcome != Outcome::resumed) {
            panic("the cycle did not resume", __FILE__, __LINE__);
        }
        engine_ns.push_back(static_cast<double>(end - begin) * ns_per_tick / hooks);
    }
    if (floor.sum == 0) {
        panic("the floor did nothing", __FILE__, __LINE__);
    }
    return {.ns_per_hook = least(engine_ns), .floor_ns_per_hook = least(floor_ns)};
}

/// Waits a time of its own in suspend and in resume.
class WaitingDevice final : public Device {
  public:
    WaitingDevice() noexcept;
    Ticks suspend_wait = 0;
    Ticks resume_wait = 0;

  private:
    Progress wait(ThreadContext& context, Ticks ticks) noexcept {
        Machine& machine = context.machine();
        completer_ = context.defer();
        machine.timers.push({raw_counter(machine) + ticks, &completer_});
        return Progress::pending();
    }
    Progress suspend(ThreadContext& context) noexcept { return wait(context, suspend_wait); }
    Progress resume(ThreadContext& context, Outcome) noexcept { return wait(context, resume_wait); }
    static const DriverOps kOps;
    Completer completer_;
};

constexpr DriverOps WaitingDevice::kOps = {.driver = "waiting",
                                           .suspend = thread_down<&WaitingDevice::suspend>,
                                           .resume = thread_up<&WaitingDevice::resume>};
WaitingDevice::WaitingDevice() noexcept : Device{kOps, "waiting"} {}

/// The longest chain of waits: over suppliers for resume, over consumers for suspend. Edges go from
/// lower to higher numbers, so one pass in order is enough.
struct Graph {
    std::vector<std::pair<uint32_t, uint32_t>> edges;  ///< supplier, consumer; by consumer

    Ticks critical_path(const WaitingDevice* devices, uint32_t count) const {
        std::vector<Ticks> resumed(count, 0);
        std::vector<Ticks> suspended(count, 0);
        size_t edge = 0;
        for (uint32_t i = 0; i < count; ++i) {
            for (; edge < edges.size() && edges[edge].second == i; ++edge) {
                resumed[i] = std::max(resumed[i], resumed[edges[edge].first]);
            }
            resumed[i] += devices[i].resume_wait;
        }
        for (uint32_t i = count; i-- > 0;) {
            suspended[i] += devices[i].suspend_wait;
            for (; edge > 0 && edges[edge - 1].second == i; --edge) {
                const uint32_t supplier = edges[edge - 1].first;
                suspended[supplier] = std::max(suspended[supplier], suspended[i]);
            }
        }
        return *std::max_element(resumed.begin(), resumed.end()) +
               *std::max_element(suspended.begin(), suspended.end());
    }
};

struct Makespan {
    double ns_per_hook = 0;
    double ratio = 0;
};

Makespan bench_makespan(uint32_t count, Machine::Clock clock) {
    Machine machine{power_of_two_above(uint64_t{count} * 16)};
    machine.clock = clock;
    const auto devices = std::make_unique<WaitingDevice[]>(count);
    std::vector<DeviceLink> links(count);
    Engine engine{machine, config_of_bench()};
    Graph graph;
    std::mt19937 random{7};
    const Ticks longest_wait = counter_hz(machine) / 100;  // 10 ms
    for (uint32_t i = 0; i < count; ++i) {
        devices[i].suspend_wait = random() % longest_wait;
        devices[i].resume_wait = random() % longest_wait;
        const uint32_t parent = i == 0 ? 0 : static_cast<uint32_t>(random()) % i;
        bool good = engine.add(devices[i], i == 0 ? nullptr : &devices[parent]).ok();
        if (i > 0) {
            const uint32_t supplier = static_cast<uint32_t>(random()) % i;
            good = good && engine.link(links[i], devices[i], devices[supplier]).ok();
            graph.edges.emplace_back(parent, i);
            graph.edges.emplace_back(supplier, i);
        }
        if (!good) {
            panic("the graph could not be built", __FILE__, __LINE__);
        }
    }
    const auto result = engine.run({});
    if (!result.ok() || result.value().outcome != Outcome::resumed) {
        panic("the cycle did not resume", __FILE__, __LINE__);
    }
    const Ticks span = result.value().end_ticks - result.value().begin_ticks;
    for (DeviceLink& link : links) {
        engine.unlink(link);
    }
    const auto path = static_cast<double>(graph.critical_path(devices.get(), count));
    const double ns = static_cast<double>(span) * 1e9 / static_cast<double>(counter_hz(machine));
    return {.ns_per_hook = ns / (2 * count), .ratio = static_cast<double>(span) / path};
}

void print_noop(uint32_t devices, const Noop& noop, bool json) {
    const double ratio = noop.ns_per_hook / noop.floor_ns_per_hook;
    std::printf(json ? "{\"bench\":\"engine-noop\",\"devices\":%u,\"ns_per_hook\":%.2f,"
                       "\"floor_ns_per_hook\":%.2f,\"ratio_floor\":%.2f,\"bytes_per_device\":%zu}\n"
                     : "noop      %6u devices  %7.2f ns a hook, floor %6.2f, ratio %.2f, "
                       "%zu bytes a device\n",
                devices, noop.ns_per_hook, noop.floor_ns_per_hook, ratio, sizeof(Device));
}

void print_makespan(uint32_t devices, const char* time, const Makespan& makespan, bool json) {
    std::printf(json ? "{\"bench\":\"engine-makespan-%s\",\"devices\":%u,\"ns_per_hook\":%.2f,"
                       "\"ratio_floor\":%.4f,\"bytes_per_device\":%zu}\n"
                     : "makespan  %s time, %u devices: %.2f ns a hook, %.4f of the critical path, "
                       "%zu bytes a device\n",
                time, devices, makespan.ns_per_hook, makespan.ratio, sizeof(Device));
}

/// A kernel resumes before any other program runs: so does this, by the lowest real-time priority.
bool ahead_of_others() {
    sched_param lowest{};
    lowest.sched_priority = 1;
    return sched_setscheduler(0, SCHED_FIFO, &lowest) == 0;
}

}  // namespace

int main(int argc, char** argv) {
    bool json = false;
    for (int i = 1; i < argc; ++i) {
        if (std::strcmp(argv[i], "--json") != 0) {
            std::fprintf(stderr,
                         "bench-engine: unknown argument %s; usage: bench-engine [--json]\n",
                         argv[i]);
            return 64;
        }
        json = true;
    }
    for (const uint32_t devices : {100U, 1'000U, 10'000U}) {
        print_noop(devices, bench_noop(devices), json);
    }
    print_makespan(10'000, "virtual", bench_makespan(10'000, Machine::Clock::jumping), json);
    if (!ahead_of_others()) {
        std::fprintf(stderr,
                     "bench-engine: no real-time priority here (%s): what other programs "
                     "take of the CPU counts as makespan\n",
                     std::strerror(errno));
    }
    print_makespan(10'000, "real", bench_makespan(10'000, Machine::Clock::wall), json);
    return 0;
}
