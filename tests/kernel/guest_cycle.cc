// The guest's cycles: asked for by control/shutdown, reported on the console and in the store.
#include "tests/kernel/guest.h"

#include <new>

#include "libresume/platform/xen.h"
#include "tests/kernel/machine_state.h"
#include "tests/kernel/trace_dump.h"

namespace kernel {

using resume::Outcome;

namespace {

const char* domain_word(const resume::CycleResult& result) noexcept {
    if (result.outcome == Outcome::aborted) {
        return "-";
    }
    switch (result.evidence) {
        case resume::DomainEvidence::fresh:
            return "new";
        case resume::DomainEvidence::same:
            return "same";
        case resume::DomainEvidence::unknown:
            return result.outcome == Outcome::cancelled ? "same" : "unknown";
    }
    return "?";
}

}  // namespace

const char* Guest::device_name(resume::DeviceId id) const noexcept {
    for (uint32_t i = 0; i < head_.device_count; ++i) {
        if (table_[i].id == id && id != resume::kNoDevice) {
            return table_[i].name;
        }
    }
    return "-";
}

void Guest::write_node(const char* path, const Line& value) noexcept {
    const resume::Result<> written = xen_.store().write(path, value.data(), value.size());
    if (!written.ok()) {
        print(Line{}.text(path).text(": not written: ").text(name_of(written.error().code)));
    }
}

void Guest::look_for_request() noexcept {
    const auto request = handshake_.poll();
    if (!request.ok()) {
        print(Line{}.text("control/shutdown: ").text(name_of(request.error().code)));
        wait_for_interrupt(machine_, raw_counter(machine_) + machine_.hz / 10);
        return;
    }
    if (request.value().word == resume::ShutdownWord::suspend) {
        cycle();
    } else if (request.value().word == resume::ShutdownWord::poweroff) {
        stop();
    }
}

void Guest::cycle() noexcept {
    if (words_.traffic) {
        traffic_.hurry();
    }
    disk_.hurry();
    net_.hurry();
    const auto result = xen_.suspend();
    if (!result.ok()) {
        print(Line{}.text("no cycle: ").text(name_of(result.error().code)));
        resume::panic("the engine does not run", __FILE__, __LINE__);
    }
    ++cycles_;
    watch_clock();
    report(result.value());
    const resume::Result<> announced = handshake_.finished(result.value().outcome);
    if (!announced.ok()) {
        print(Line{}.text("features: not announced: ").text(name_of(announced.error().code)));
    }
    if (result.value().outcome == Outcome::resumed) {
        command_fired_ = true;  // perhaps written before the watch was there again
    }
    publish(result.value().outcome);
}

void Guest::report(const resume::CycleResult& result) noexcept {
    const uint64_t down = result.outcome == Outcome::aborted
                              ? 0
                              : (result.back_ticks - result.enter_ticks) / (machine_.hz / 1000);
    const bool fine = result.cause.code == resume::Errc::none;
    print(Line{}
              .text("CYCLE ")
              .decimal(cycles_)
              .text(" ")
              .text(name_of(result.outcome))
              .text(" errc=")
              .text(fine ? "ok" : name_of(result.cause.code))
              .text(" device=")
              .text(fine ? "-" : device_name(result.cause.device))
              .text(" domain=")
              .text(domain_word(result))
              .text(" down_ms=")
              .decimal(down)
              .text(" errors_up=")
              .decimal(result.errors_up));
    if (result.outcome == Outcome::resumed) {
        print(Line{}.text("WALL sec=").decimal(xen_.time().wall() / 1'000'000'000));
    }
}

void Guest::publish(Outcome outcome) noexcept {
    if (outcome == Outcome::resumed) {
        write_node("data/resume/version", Line{}.text("1 0.1.0"));
        write_node("data/resume/state", Line{}.text("up"));
    }
    write_node("data/lab/cycles", Line{}.decimal(cycles_));
}

void Guest::watch_clock() noexcept {
    ticker_.look();
    const uint64_t back = ticker_.take_step_back();
    if (back != 0) {
        print(Line{}.text("STEP-BACK ").decimal(back));
    }
}

void Guest::look_for_command() noexcept {
    command_fired_ = false;
    char word[16] = {};
    const auto size = xen_.store().read(command_.path, word, sizeof(word) - 1);
    if (!size.ok() || size.value() == 0 || size.value() >= sizeof(word)) {
        return;  // no such node yet, or our own answer
    }
    word[size.value()] = '\0';
    obey(word);
    write_node(command_.path, Line{});
}

void Guest::obey(const char* word) noexcept {
    const auto is = [word](const char* other) { return equal(word, other); };
    if (is("trace")) {
        dump_trace();
    } else if (is("ticks")) {
        print(Line{}
                  .text("TICKS n=")
                  .decimal(ticker_.ticks())
                  .text(" max_gap_ms=")
                  .decimal(ticker_.longest_gap_ms())
                  .text(" traffic=")
                  .decimal(traffic_.round_trips())
                  .text(" wrong=")
                  .decimal(traffic_.wrong()));
    } else if (is("disk")) {
        disk_.report();
    } else if (is("net")) {
        net_.report();
    } else if (is("balloon")) {
        balloon_.report();
    } else if (is("refuse-next") && device_count_ > 0) {
        refuse_next();
        print(Line{}.text("REFUSING"));
    } else if (is("stop")) {
        stop();
    } else {
        print(Line{}.text("unknown command ").text(word));
    }
}

/// One in the middle: some go down before it, some would after it. In turn with the store's gate
/// closed and open: failures 51 and 53 lie on both sides of it.
void Guest::refuse_next() noexcept {
    auto& device = *std::launder(reinterpret_cast<PlainDevice*>(devices_[device_count_ / 2]));
    refuses_late_ = !refuses_late_;
    device.refuse_next(refuses_late_ ? resume::Phase::suspend_late : resume::Phase::suspend);
}

void Guest::stop() noexcept {
    print(Line{}.text("STOPPED"));
    shut_down(SHUTDOWN_poweroff);
}

}  // namespace kernel
