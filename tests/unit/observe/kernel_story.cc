#include "tests/unit/observe/kernel_story.h"

#include <cstdio>
#include <sstream>

namespace resume::agent {
namespace {

struct Device {
    const char* key;
    const char* parent;
    const char* stage;  ///< of its main hooks; null: prepare and complete only
    bool deep;          ///< has late and noirq hooks too
};

/// In the order of registration, which prepare follows.
constexpr Device kDevices[] = {
    {"platform", "none", nullptr, false},
    {"platform reg-dummy", "platform", "bus ", false},
    {"platform i8042", "platform", "bus ", false},
    {"serio serio0", "i8042", "bus ", false},
    {"input input0", "serio0", "type ", false},
    {"vbd vbd-51712", "none", "bus ", true},
    {"vif vif-0", "none", "bus ", true},
    {"button LNXPWRBN:00", "none", "driver ", false},
    {"machinecheck machinecheck1", "none", nullptr, false},
};

const char* verb(unsigned event) {
    switch (event) {
        case 1:
            return "freeze";
        case 2:
            return "suspend";
        case 4:
            return "hibernate";
        case 8:
            return "quiesce";
        case 16:
            return "resume";
        case 32:
            return "thaw";
        case 64:
            return "restore";
        default:
            return "recover";
    }
}

}  // namespace

KernelStory& KernelStory::task(const std::string& name, int pid) {
    task_ = name;
    pid_ = pid;
    return *this;
}

KernelStory& KernelStory::on_cpu(int cpu) {
    cpu_ = cpu;
    return *this;
}

KernelStory& KernelStory::pause(double seconds) {
    now_us_ += static_cast<uint64_t>(seconds * 1e6);
    return *this;
}

KernelStory& KernelStory::line(const std::string& text) {
    text_ += text + "\n";
    return *this;
}

KernelStory& KernelStory::head(uint64_t entries, uint64_t written) {
    line("# tracer: nop");
    line("#");
    line("# entries-in-buffer/entries-written: " + std::to_string(entries) + "/" +
         std::to_string(written) + "   #P:2");
    return line("#           TASK-PID     CPU#  |||||  TIMESTAMP  FUNCTION");
}

KernelStory& KernelStory::event(const std::string& what) {
    now_us_ += 37;
    char front[160];
    const auto seconds = static_cast<unsigned long long>(now_us_ / 1'000'000);
    const auto rest = static_cast<unsigned long long>(now_us_ % 1'000'000);
    switch (shape_) {
        case Shape::plain:
            std::snprintf(front, sizeof front,
                          "%16s-%-7d [%03d] ..... %5llu.%06llu: ", task_.c_str(), pid_, cpu_,
                          seconds, rest);
            break;
        case Shape::rt:
            std::snprintf(front, sizeof front,
                          "%16s-%-7d [%03d] d...1.. %5llu.%06llu: ", task_.c_str(), pid_, cpu_,
                          seconds, rest);
            break;
        case Shape::old:
            std::snprintf(front, sizeof front,
                          "%16s-%-5d [%03d] d..1 %5llu.%06llu: ", task_.c_str(), pid_, cpu_,
                          seconds, rest);
            break;
        case Shape::dump:
            std::snprintf(
                front, sizeof front, "[%5llu.%06llu] %8.8s-%-7d %3d..... %lluus : ", seconds, rest,
                task_.c_str(), pid_, cpu_, static_cast<unsigned long long>(now_us_ - 14'000'000));
            break;
        case Shape::report:
            std::snprintf(front, sizeof front, "%16s-%-5d [%03d] %5llu.%06llu: ", task_.c_str(),
                          pid_, cpu_, seconds, rest);
            break;
    }
    text_ += front + what + "\n";
    return *this;
}

KernelStory& KernelStory::begin(const std::string& action, unsigned value) {
    return event("suspend_resume: " + action + "[" + std::to_string(value) + "] begin");
}

KernelStory& KernelStory::end(const std::string& action, unsigned value) {
    return event("suspend_resume: " + action + "[" + std::to_string(value) + "] end");
}

KernelStory& KernelStory::step(const std::string& action, unsigned value) {
    return begin(action, value).end(action, value);
}

KernelStory& KernelStory::hook_start(const std::string& device, const std::string& parent,
                                     const std::string& stage, const std::string& verb) {
    const std::string key = device.find(' ') == device.npos ? " " + device : device;
    return event("device_pm_callback_start: " + key + ", parent: " + parent + ", " + stage + "[" +
                 verb + "]");
}

KernelStory& KernelStory::hook_end(const std::string& device, int error) {
    const std::string key = device.find(' ') == device.npos ? " " + device : device;
    return event("device_pm_callback_end: " + key + ", err=" + std::to_string(error));
}

KernelStory& KernelStory::phase(const std::string& action, unsigned value, const std::string& stage,
                                bool upwards, const std::string& stop_at, bool stop_fails) {
    const bool all = action == "dpm_prepare" || action == "dpm_complete";
    begin(action, value);
    constexpr int kCount = sizeof kDevices / sizeof *kDevices;
    bool reached = stop_at.empty() || !upwards;
    for (int i = 0; i < kCount; ++i) {
        const Device& device = kDevices[upwards ? i : kCount - 1 - i];
        const bool stops = !stop_at.empty() && stop_at == device.key;
        const bool plays = all || (device.stage != nullptr && (stage.empty() || device.deep));
        if (plays && reached) {
            hook_start(device.key, device.parent,
                       all ? std::string{} : stage + (device.stage == nullptr ? "" : device.stage),
                       verb(value));
            hook_end(device.key, stops && stop_fails ? -16 : 0);
        }
        if (stops && !upwards) {
            break;
        }
        reached |= stops;
    }
    return end(action, value);
}

KernelStory& KernelStory::prepare(unsigned event) {
    return phase("dpm_prepare", event, "", true, {}, false);
}

KernelStory& KernelStory::suspend(unsigned event, const std::string& refuses) {
    return phase("dpm_suspend", event, "", false, refuses, true);
}

KernelStory& KernelStory::late(unsigned event) {
    return phase("dpm_suspend_late", event, "late ", false, {}, false);
}

KernelStory& KernelStory::noirq(unsigned event) {
    return phase("dpm_suspend_noirq", event, "noirq ", false, {}, false);
}

KernelStory& KernelStory::resume_noirq(unsigned event) {
    return phase("dpm_resume_noirq", event, "noirq ", true, {}, false);
}

KernelStory& KernelStory::early(unsigned event) {
    return phase("dpm_resume_early", event, "early ", true, {}, false);
}

KernelStory& KernelStory::resume(unsigned event, const std::string& after) {
    return phase("dpm_resume", event, "", true, after, false);
}

KernelStory& KernelStory::complete(unsigned event) {
    return phase("dpm_complete", event, "", false, {}, false);
}

KernelStory& KernelStory::thaw() {
    return begin("thaw_processes").pause(0.01).end("thaw_processes");
}

KernelStory& KernelStory::xen(unsigned up_event) {
    task("xenwatch", 49).on_cpu(0);
    prepare(1).suspend(1).late(1).noirq(1);
    task("migration/0", 16).step("syscore_suspend");
    begin("syscore_resume").pause(3.5).end("syscore_resume");
    task("xenwatch", 49);
    return resume_noirq(up_event).early(up_event).resume(up_event).complete(up_event).thaw();
}

KernelStory& KernelStory::xen_refused() {
    task("xenwatch", 49).on_cpu(0);
    prepare(1).suspend(1, "serio serio0");
    return resume(64, "serio serio0").complete(64).thaw();
}

KernelStory& KernelStory::sleep_start(unsigned state) {
    task("systemd-sleep", 801).on_cpu(1);
    begin("suspend_enter", state).step("sync_filesystems").step("freeze_processes");
    return end("suspend_enter", state);
}

KernelStory& KernelStory::s3() {
    sleep_start(3).prepare(2).suspend(2).late(2).noirq(2);
    begin("CPU_OFF", 1).on_cpu(0).end("CPU_OFF", 1);
    step("syscore_suspend").begin("machine_suspend", 3).step("acpi_suspend", 3);
    end("machine_suspend", 3).step("syscore_resume").step("CPU_ON", 1);
    resume_noirq(16).early(16).resume(16).complete(16);
    return step("resume_console", 3).thaw();
}

KernelStory& KernelStory::s2idle() {
    sleep_start(1).prepare(2).suspend(2).late(2).noirq(2);
    begin("machine_suspend", 1).pause(2).end("machine_suspend", 1);
    resume_noirq(16).early(16).resume(16).complete(16);
    return step("resume_console", 1).thaw();
}

std::string KernelStory::without(const std::string& part) const {
    std::istringstream lines{text_};
    std::string line;
    std::string out;
    while (std::getline(lines, line)) {
        if (line.find(part) == line.npos) {
            out += line + "\n";
        }
    }
    return out;
}

std::string KernelStory::moved(const std::string& part, const std::string& before) const {
    std::istringstream lines{text_};
    std::vector<std::string> all;
    std::string line;
    while (std::getline(lines, line)) {
        all.push_back(line);
    }
    std::string mover;
    for (size_t i = 0; i < all.size() && mover.empty(); ++i) {
        if (all[i].find(part) != std::string::npos) {
            mover = all[i];
            all.erase(all.begin() + static_cast<std::ptrdiff_t>(i));
        }
    }
    std::string out;
    for (const std::string& text : all) {
        if (!mover.empty() && text.find(before) != std::string::npos) {
            out += mover + "\n";
            mover.clear();
        }
        out += text + "\n";
    }
    return out;
}

}  // namespace resume::agent
