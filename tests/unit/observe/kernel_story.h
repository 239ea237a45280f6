// Writes traces as kernels print them: steps, devices, tasks, in any of the shapes.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace resume::agent {

enum class Shape { plain, rt, old, dump, report };

/// A guest with eight devices: a platform bus with three devices on it, one below another; a disk
/// and a network card of Xen or PCI; a button whose driver has half a pair; a machinecheck.
class KernelStory {
  public:
    explicit KernelStory(Shape shape = Shape::plain) : shape_{shape} {}

    /// Who drives what follows.
    KernelStory& task(const std::string& name, int pid);
    KernelStory& on_cpu(int cpu);
    KernelStory& pause(double seconds);
    KernelStory& begin(const std::string& action, unsigned value = 0);
    KernelStory& end(const std::string& action, unsigned value = 0);
    KernelStory& step(const std::string& action, unsigned value = 0);
    KernelStory& hook_start(const std::string& device, const std::string& parent,
                            const std::string& stage, const std::string& verb);
    KernelStory& hook_end(const std::string& device, int error = 0);
    KernelStory& line(const std::string& text);
    /// The head of a capture, as the `trace` file has it.
    KernelStory& head(uint64_t entries = 100, uint64_t written = 100);

    /// dpm_prepare, dpm_suspend (the device `refuses` gives -16), dpm_suspend_late and _noirq.
    KernelStory& prepare(unsigned event);
    KernelStory& suspend(unsigned event, const std::string& refuses = {});
    KernelStory& late(unsigned event);
    KernelStory& noirq(unsigned event);
    /// The way up; `after` is the device that refused: what went down before it comes up.
    KernelStory& resume_noirq(unsigned event);
    KernelStory& early(unsigned event);
    KernelStory& resume(unsigned event, const std::string& after = {});
    KernelStory& complete(unsigned event);
    KernelStory& thaw();

    /// Whole cycles.
    KernelStory& xen(unsigned up_event);
    KernelStory& xen_refused();
    KernelStory& sleep_start(unsigned state);
    KernelStory& s3();
    KernelStory& s2idle();

    [[nodiscard]] const std::string& text() const { return text_; }
    /// Without the lines that have this in them.
    [[nodiscard]] std::string without(const std::string& part) const;
    /// With the first line that has `part` in it moved in front of the first that has `before`.
    [[nodiscard]] std::string moved(const std::string& part, const std::string& before) const;

  private:
    KernelStory& event(const std::string& what);
    KernelStory& phase(const std::string& action, unsigned value, const std::string& stage,
                       bool upwards, const std::string& stop_at, bool stop_fails);

    Shape shape_;
    std::string task_ = "sh";
    int pid_ = 341;
    int cpu_ = 1;
    uint64_t now_us_ = 14'156'675;
    std::string text_;
};

}  // namespace resume::agent
