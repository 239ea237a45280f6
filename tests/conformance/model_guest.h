// A guest of the drivers on the modelled machine, for tests: booted, asked to go down by the
// model's toolstack, judged by the oracle.
#pragma once

#include <gtest/gtest.h>

#include <functional>
#include <optional>
#include <string>

#include "drivers/model/machine.h"
#include "drivers/xen_guest/xen_guest.h"
#include "libresume/oracle/judge.h"
#include "xen/handshake/handshake.h"

namespace resume::conformance {

struct GuestOptions {
    model::MachineConfig machine{};
    XenGuestConfig guest{};
};

class ModelGuest {
  public:
    static model::MachineConfig machine_of(uint32_t vcpus,
                                           model::GuestKind kind = model::GuestKind::xen_pvh);

    explicit ModelGuest(const GuestOptions& options = {});
    /// A guest that died in mid-cycle is left as it lies: its objects cannot be taken apart.
    ~ModelGuest();
    ModelGuest(const ModelGuest&) = delete;
    ModelGuest& operator=(const ModelGuest&) = delete;

    /// Boots the drivers and starts the handshake.
    model::RunResult boot();
    /// The toolstack asks, the guest obeys; whatever was started before is done first. The result
    /// of the cycle, or nothing when none came to its end.
    std::optional<CycleResult> cycle(model::HostAct act);
    /// Guest code on the guest's stack.
    model::RunResult run(const std::function<void()>& code);
    /// A cycle that nobody asked for and that ends before the hypercall, or at it by a planned
    /// fault.
    std::optional<CycleResult> try_cycle(Step last = Step::enter);
    /// Idles for so long: ticks and events are served.
    void idle(Nanoseconds time);

    [[nodiscard]] oracle::TraceView view() const;
    [[nodiscard]] oracle::Verdict verdict() const { return oracle::judge(view()); }
    /// Violations as text, one a line; empty when there is none.
    [[nodiscard]] std::string complaints() const;
    [[nodiscard]] size_t count(EventKind kind, Witness witness) const;

    Machine machine;
    XenGuest& guest;
    Handshake<Store>& handshake;
    model::RunResult last{};  ///< how the last run ended
    uint32_t cycles = 0;

  private:
    static XenGuestConfig complete(Machine& machine, XenGuestConfig config);
};

}  // namespace resume::conformance
