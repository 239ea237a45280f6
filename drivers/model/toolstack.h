// The host's side of a suspend, in libxl's order and with its time-outs (libxl_dom_suspend.c): asks
// by control/shutdown, waits for the ack and then for the domain to be down, does what it wanted,
// and lets the guest run again. Also the failures of that side.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <string>
#include <vector>

#include "drivers/model/clock.h"
#include "drivers/model/fwd.h"

namespace resume::model {

/// What the host does with a guest that went down.
enum class HostAct : uint8_t {
    checkpoint,           ///< xl save -c: saved, and resumed with return code 1
    fast,                 ///< xc_domain_resume(fast = 1) at once
    slow,                 ///< xc_domain_resume(fast = 0): returns 0 in the same domain
    in_place,             ///< soft reset: everything unbound, same domain id
    save_restore,         ///< a new domain on the same host, later
    migrate,              ///< a new domain on the next host of MachineConfig::hosts
    migrate_fails_early,  ///< the receiver dies in the live phase: the guest is never asked
    migrate_fails_late,   ///< the receiver dies after the stream: resumed at the sender
    destroy,              ///< never runs again
};
inline constexpr uint8_t kHostActCount = 9;
const char* name_of(HostAct act) noexcept;

/// What became of one request.
struct Errand {
    HostAct act = HostAct::checkpoint;
    bool succeeded = false;
    std::string message{};  ///< as libxl's log says it; empty when all went well
    bool guest_went_down = false;
    Nanoseconds asked = 0, acked = 0, down = 0, up = 0;  ///< 0 = it did not come to that
};

class Toolstack {
  public:
    explicit Toolstack(Machine& machine);

    /// Begins now. False when another errand is under way (xl's lock).
    bool start(HostAct act);
    /// Begins `delay` after now; waits for the errand before it.
    void start_after(Nanoseconds delay, HostAct act);
    /// When the domain goes down and nobody here asked (a person did, in the store): what to do.
    void follow(HostAct act) { unasked_.push_back(act); }

    /// `xl vcpu-set`: the guest is to have so many.
    void set_vcpus(uint32_t count);

    [[nodiscard]] bool busy() const { return state_ != State::idle; }
    [[nodiscard]] const std::vector<Errand>& errands() const { return errands_; }
    /// Called when an errand is over.
    std::function<void(const Errand&)> finished;

    // libxl's own limits.
    Nanoseconds ack_timeout = 60 * kSecond;
    Nanoseconds down_timeout = 60 * kSecond;
    /// How long the guest is away, per act, and of what the host is slow to do.
    Nanoseconds save_time = 2'500 * kMillisecond;
    Nanoseconds restore_time = 1'100 * kMillisecond;
    Nanoseconds poll_time = 5 * kMillisecond;
    /// xs_resume_domain is left out: the next @releaseDomain never comes (lab: inplace.c).
    bool forgets_resume_domain = false;

    // For the machine.
    /// The domain begins anew: a request that stood in its nodes is taken back, which is no ack.
    void take_back_request();
    void watch_control();
    /// Of the domain that is about to begin: which vCPUs it is to have.
    void write_vcpus();
    void domain_went_down();

  private:
    enum class State : uint8_t { idle, waits_for_ack, waits_for_down, works };

    void ask();
    void control_changed();
    void feature_changed();
    void ack_timed_out();
    void down_timed_out();
    void work();
    void saved();
    void bring_back();
    void finish(bool succeeded, const std::string& message);
    void set_timer(Nanoseconds delay, void (Toolstack::*what)());

    Machine& machine_;
    State state_ = State::idle;
    Errand now_;
    std::deque<HostAct> unasked_;
    std::vector<Errand> errands_;
    Clock::EventId timer_ = 0;
    void (Toolstack::*timer_acts_)() = nullptr;
    std::size_t host_ = 0;
    bool xenstored_thinks_down_ = false;
    std::string last_word_;
    bool own_write_ = false;
    uint32_t vcpus_;
};

}  // namespace resume::model
