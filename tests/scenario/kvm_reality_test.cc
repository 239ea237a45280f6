// The model of a guest of KVM's against reality: S3 and s2idle of a Debian guest (Linux 6.1, QEMU),
// recorded with ./dev lab kvm. The steps come in the kernel's order; and a modelled guest that has
// the kernel's devices, in its order of registration, takes each pair of parent and child through
// each phase in the kernel's order. What differs is listed here with its reason; anything else is a
// failure.
//
// RESUME_TRACES=DIR: s3.trace and s2idle.trace there instead, as
// `./dev lab kvm --reporter trace --only s3,s2idle --keep-logs DIR` leaves them.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <map>
#include <set>

#include "agent/observe/ftrace_line.h"
#include "tests/stress/guest/kvm_modelled_guest.h"

namespace resume::scenario {
namespace {

using stress::KvmModelledGuest;
using stress::KvmModelledGuestConfig;

/// A kernel's name for a step, and ours; null: we have none, for the reason.
struct StepName {
    const char* kernel;
    const char* ours;
    const char* reason;
};
constexpr StepName kSteps[] = {
    {"suspend_enter", nullptr, "the notifiers of user space: the agent's, not the engine's"},
    {"sync_filesystems", nullptr, "the kernel writes its caches out; ours has none"},
    {"freeze_processes", "freeze_tasks", nullptr},
    {"dpm_prepare", "prepare", nullptr},
    {"dpm_suspend", "suspend", nullptr},
    {"dpm_suspend_late", "suspend_late", nullptr},
    {"dpm_suspend_noirq", "suspend_noirq", nullptr},
    {"CPU_OFF", "park_vcpus", nullptr},
    {"syscore_suspend", "syscore_suspend", nullptr},
    {"machine_suspend", "enter", nullptr},
    {"acpi_suspend", nullptr, "inside machine_suspend: the platform's sleep_s3"},
    {"syscore_resume", "syscore_resume", nullptr},
    {"CPU_ON", "unpark_vcpus", nullptr},
    {"dpm_resume_noirq", "resume_noirq", nullptr},
    {"dpm_resume_early", "resume_early", nullptr},
    {"dpm_resume", "resume", nullptr},
    {"dpm_complete", "complete", nullptr},
    {"resume_console", nullptr, "the kernel's console is no device of ours"},
    {"thaw_processes", "thaw_tasks", nullptr},
};

/// Ours that the kernel's trace does not show.
constexpr const char* kOnlyOurs[] = {
    "close_store",  // a guest of KVM's has no store: the step does nothing
    "open_store",
    "mask_device_irqs",  // in the kernel a part of dpm_suspend_noirq, without an event
    "unmask_device_irqs",
    "disable_irqs",  // likewise of suspend_enter
    "enable_irqs",
};

/// Ours stand the other way round: a cycle begins and ends with tasks running, so that prepare may
/// use user space (ARCHITECTURE.md).
constexpr const char* kSwapped[][2] = {{"prepare", "freeze_tasks"}, {"thaw_tasks", "complete"}};

struct Callback {
    std::string device;
    std::string phase;
};

struct Recording {
    std::vector<std::string> steps;  ///< in our words, what we have none for left out
    std::vector<std::string> unknown;
    std::vector<std::string> devices;  ///< as the kernel registered them
    std::map<std::string, std::string> parents;
    std::vector<Callback> callbacks;  ///< in the order of their beginnings
};

const StepName* step_named(std::string_view kernel) {
    const auto* const found =
        std::find_if(std::begin(kSteps), std::end(kSteps),
                     [&](const StepName& row) { return kernel == row.kernel; });
    return found == std::end(kSteps) ? nullptr : found;
}

/// "driver device": the device's own name, which children call their parent by.
std::string own_name(std::string_view device) {
    return std::string{device.substr(device.rfind(' ') + 1)};
}

void read_step(const agent::FtraceLine& line, Recording& recording, std::string& phase) {
    const StepName* const row = step_named(line.action);
    if (row == nullptr) {
        recording.unknown.emplace_back(line.action);
    } else if (row->ours != nullptr) {
        if (line.begin && (recording.steps.empty() || recording.steps.back() != row->ours)) {
            recording.steps.emplace_back(row->ours);  // CPU_OFF comes once a CPU
        }
        phase = line.begin ? row->ours : "";
    }
}

/// The first suspend of the file.
Recording read_recording(const std::string& path) {
    Recording recording;
    uint32_t suspends = 0;
    std::ifstream file{path};
    EXPECT_TRUE(file.good()) << path;
    std::string phase;
    for (std::string text; std::getline(file, text);) {
        const agent::FtraceLine line = agent::parse_ftrace_line(text);
        if (line.kind == agent::FtraceKind::step) {
            if (line.begin && line.action == "suspend_enter" && ++suspends > 1) {
                break;
            }
            read_step(line, recording, phase);
        } else if (line.kind == agent::FtraceKind::callback_start) {
            const std::string device = own_name(line.device);
            if (recording.parents.try_emplace(device, line.parent).second) {
                recording.devices.push_back(device);
            }
            recording.callbacks.push_back({device, phase});
        }
    }
    return recording;
}

/// One of the kernel's devices in the modelled guest: hooks in every phase, which do nothing.
class KernelDevice final : public Device {
  public:
    explicit KernelDevice(const char* name) noexcept;

  private:
    Progress down(ThreadContext&) noexcept { return Progress::done(); }
    Progress up(ThreadContext&, Outcome) noexcept { return Progress::done(); }
    Result<> noirq_down_hook(NoirqContext&) noexcept { return {}; }
    Result<> noirq_up_hook(NoirqContext&, Outcome) noexcept { return {}; }
    static const DriverOps kOps;
};
constexpr DriverOps KernelDevice::kOps = {
    .driver = "kernel",
    .prepare = thread_down<&KernelDevice::down>,
    .suspend = thread_down<&KernelDevice::down>,
    .suspend_late = thread_down<&KernelDevice::down>,
    .suspend_noirq = noirq_down<&KernelDevice::noirq_down_hook>,
    .resume_noirq = noirq_up<&KernelDevice::noirq_up_hook>,
    .resume_early = thread_up<&KernelDevice::up>,
    .resume = thread_up<&KernelDevice::up>,
    .complete = thread_up<&KernelDevice::up>,
};

KernelDevice::KernelDevice(const char* name) noexcept : Device{kOps, name} {}

struct Case {
    const char* file;
    const char* fresh;  ///< the lab's name for it
    Kind kind;
};
std::string path_of(const Case& one) {
    const char* const folder = std::getenv("RESUME_TRACES");
    return folder != nullptr ? std::string{folder} + "/" + one.fresh
                             : std::string{RESUME_KERNEL_TRACES} + "/" + one.file;
}
void PrintTo(const Case& one, std::ostream* out) {
    *out << one.file;
}

class KvmRealityTest : public ::testing::TestWithParam<Case> {
  protected:
    void SetUp() override {
        reality_ = read_recording(path_of(GetParam()));
        ASSERT_GT(reality_.devices.size(), 20U);
        KvmModelledGuestConfig config;
        config.machine.vcpus = 2;
        guest_ = std::make_unique<KvmModelledGuest>(config);
        ASSERT_EQ(guest_->boot().end, model::GuestEnd::returned);
        guest_->run([this] { add_devices(); });
        EXPECT_TRUE(guest_->cycle(GetParam().kind, Outcome::resumed).is(Outcome::resumed));
        EXPECT_TRUE(guest_->verdict().clean());
    }
    void TearDown() override {
        guest_->run([this] {
            for (auto it = devices_.rbegin(); it != devices_.rend(); ++it) {
                EXPECT_TRUE(guest_->guest().remove(**it).ok());
            }
        });
    }

    /// A parent that has no callback of its own is no device of the recording's: its children hang
    /// at the top.
    void add_devices() {
        std::map<std::string, KernelDevice*> by_name;
        for (const std::string& name : reality_.devices) {
            devices_.push_back(std::make_unique<KernelDevice>(name.c_str()));
            const auto parent = by_name.find(reality_.parents.at(name));
            ASSERT_TRUE(
                guest_->guest()
                    .add(*devices_.back(), parent != by_name.end() ? parent->second : nullptr)
                    .ok());
            by_name[name] = devices_.back().get();
        }
    }

    std::vector<std::string> model_steps() {
        std::vector<std::string> steps;
        for (const TraceEvent& event : guest_->view().events) {
            if (event.kind == EventKind::step_begin) {
                steps.emplace_back(name_of(static_cast<Step>(event.arg32)));
            }
        }
        return steps;
    }

    /// Of the kernel's devices: the guest's own may have the same names.
    std::vector<Callback> model_callbacks() {
        const oracle::TraceView& view = guest_->view();
        std::set<DeviceId> kernels;
        for (const auto& device : devices_) {
            kernels.insert(device->id());
        }
        std::vector<Callback> callbacks;
        for (const TraceEvent& event : view.events) {
            if (event.kind == EventKind::hook_begin && kernels.contains(event.device)) {
                callbacks.push_back({view.device_name(event.device), name_of(event.phase)});
            }
        }
        return callbacks;
    }

    Recording reality_;
    std::unique_ptr<KvmModelledGuest> guest_;
    std::vector<std::unique_ptr<KernelDevice>> devices_;
};

/// Where each device's callback of that phase stands.
std::map<std::string, size_t> places(const std::vector<Callback>& callbacks,
                                     const std::string& phase) {
    std::map<std::string, size_t> found;
    for (size_t i = 0; i < callbacks.size(); ++i) {
        if (callbacks[i].phase == phase) {
            found.try_emplace(callbacks[i].device, i);
        }
    }
    return found;
}

TEST_P(KvmRealityTest, TheStepsComeInTheKernelsOrder) {
    EXPECT_TRUE(reality_.unknown.empty()) << "first: " << reality_.unknown.front();
    std::vector<std::string> expected = reality_.steps;
    for (const auto& [ours_first, ours_second] : kSwapped) {
        const auto first = std::find(expected.begin(), expected.end(), ours_first);
        const auto second = std::find(expected.begin(), expected.end(), ours_second);
        ASSERT_TRUE(first != expected.end() && second == first - 1)
            << ours_first << " is no longer after " << ours_second << " in the kernel";
        std::iter_swap(first, second);
    }
    std::vector<std::string> ours = model_steps();
    std::erase_if(ours, [](const std::string& step) {
        return std::find(std::begin(kOnlyOurs), std::end(kOnlyOurs), step) != std::end(kOnlyOurs);
    });
    EXPECT_EQ(ours, expected);
}

TEST_P(KvmRealityTest, ParentsAndChildrenComeInTheKernelsOrder) {
    const std::vector<Callback> ours = model_callbacks();
    size_t compared = 0;
    for (const char* const phase : {"prepare", "suspend", "suspend_late", "suspend_noirq",
                                    "resume_noirq", "resume_early", "resume", "complete"}) {
        const auto kernel_places = places(reality_.callbacks, phase);
        const auto our_places = places(ours, phase);
        for (const auto& [device, place] : kernel_places) {
            ASSERT_TRUE(our_places.contains(device)) << device << " in " << phase;
            const auto parent = kernel_places.find(reality_.parents.at(device));
            if (parent == kernel_places.end()) {
                continue;
            }
            ++compared;
            EXPECT_EQ(parent->second < place, our_places.at(parent->first) < our_places.at(device))
                << parent->first << " and " << device << " in " << phase;
        }
    }
    std::printf("%zu devices, %zu pairs compared\n", reality_.devices.size(), compared);
    EXPECT_GT(compared, 40U);
}

INSTANTIATE_TEST_SUITE_P(Recorded, KvmRealityTest,
                         ::testing::Values(Case{"kvm-s3.txt", "s3.trace", Kind::s3},
                                           Case{"kvm-s2idle.txt", "s2idle.trace", Kind::s2idle}),
                         [](const auto& info) {
                             return std::string{info.param.kind == Kind::s3 ? "s3" : "s2idle"};
                         });

}  // namespace
}  // namespace resume::scenario
