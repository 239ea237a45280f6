#include "tests/unit/core/scripted_device.h"

namespace resume::test {

constexpr DriverOps ScriptedDevice::kOps = {
    .driver = "scripted",
    .prepare = thread_down<&ScriptedDevice::down>,
    .suspend = thread_down<&ScriptedDevice::down>,
    .suspend_late = thread_down<&ScriptedDevice::down>,
    .suspend_noirq = ::resume::noirq_down<&ScriptedDevice::noirq_down>,
    .resume_noirq = ::resume::noirq_up<&ScriptedDevice::noirq_up>,
    .resume_early = thread_up<&ScriptedDevice::up>,
    .resume = thread_up<&ScriptedDevice::up>,
    .complete = thread_up<&ScriptedDevice::up>,
};

constexpr DriverOps ScriptedDevice::kNarrowOps = {
    .driver = "narrow",
    .suspend = thread_down<&ScriptedDevice::down>,
    .resume = thread_up<&ScriptedDevice::up>,
};

#define SYSTEM_OPS(RANK)                                                          \
    {                                                                             \
        .driver = "system", .rank = SystemRank::RANK,                             \
        .prepare = thread_down<&ScriptedDevice::down>,                            \
        .syscore_suspend = ::resume::syscore_down<&ScriptedDevice::syscore_down>, \
        .syscore_resume = ::resume::syscore_up<&ScriptedDevice::syscore_up>,      \
        .complete = thread_up<&ScriptedDevice::up>                                \
    }
constexpr DriverOps ScriptedDevice::kSystemOps[10] = {
    kOps,
    SYSTEM_OPS(hypercall_page),
    SYSTEM_OPS(shared_info),
    SYSTEM_OPS(callback),
    SYSTEM_OPS(event_channels),
    SYSTEM_OPS(timer),
    SYSTEM_OPS(timekeeping),
    SYSTEM_OPS(grant_table),
    SYSTEM_OPS(unplug),
    SYSTEM_OPS(other),
};
#undef SYSTEM_OPS

ScriptedDevice::ScriptedDevice(CallLog& log, std::string name, SystemRank rank)
    : Name{std::move(name)},
      Device{CheckedOps{CheckedOps::Unchecked{kSystemOps[static_cast<int>(rank)]}}, text.c_str()},
      log_{log} {}

const DriverOps& ScriptedDevice::narrow_ops() noexcept {
    return kNarrowOps;
}

Progress ScriptedDevice::thread(ThreadContext& context, std::optional<Outcome> outcome) noexcept {
    Machine& machine = context.machine();
    const Script& script = scripts_[context.phase()];
    const size_t index = log_.size();
    log_.push_back({context.phase(), this, outcome, machine.now});
    if (script.first) {
        script.first();
    }
    machine.now += script.busy;
    if (script.act) {
        return script.act(context);
    }
    if (script.delay == 0) {
        log_[index].end = machine.now;
        log_[index].code = script.code;
        return script.code;
    }
    auto completer = std::make_shared<Completer>(context.defer());
    machine.after(script.delay, [this, index, completer, &machine, code = script.code] {
        log_[index].end = machine.now;
        log_[index].code = code;
        completer->complete(code, code == Errc::none ? 0 : -5);
    });
    return Progress::pending();
}

Result<> ScriptedDevice::masked(Machine& machine, Phase phase,
                                std::optional<Outcome> outcome) noexcept {
    const Script& script = scripts_[phase];
    if (script.first) {
        script.first();
    }
    machine.now += script.busy;
    log_.push_back({phase, this, outcome, machine.now, machine.now, script.code});
    return script.code;
}

Result<> ScriptedDevice::noirq_down(NoirqContext& c) noexcept {
    return masked(c.machine(), Phase::suspend_noirq, {});
}
Result<> ScriptedDevice::noirq_up(NoirqContext& c, Outcome o) noexcept {
    return masked(c.machine(), Phase::resume_noirq, o);
}
Result<> ScriptedDevice::syscore_down(SyscoreContext& c) noexcept {
    return masked(c.machine(), Phase::syscore_suspend, {});
}
Result<> ScriptedDevice::syscore_up(SyscoreContext& c, Outcome o) noexcept {
    return masked(c.machine(), Phase::syscore_resume, o);
}

std::string text_of(const CallLog& log, std::optional<Phase> only) {
    std::string text;
    for (const Call& call : log) {
        if (!only || call.phase == *only) {
            text += text.empty() ? "" : " ";
            text += std::string{name_of(call.phase)} + ":" + call.device->name();
        }
    }
    return text;
}

}  // namespace resume::test
