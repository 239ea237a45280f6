#include "drivers/model/toolstack.h"

#include <utility>

#include "drivers/model/machine.h"

namespace resume::model {

namespace {

const std::string kShutdown = "control/shutdown";
const std::string kFeature = "control/feature-suspend";

}  // namespace

const char* name_of(HostAct act) noexcept {
    switch (act) {
        case HostAct::checkpoint:
            return "checkpoint";
        case HostAct::fast:
            return "fast";
        case HostAct::slow:
            return "slow";
        case HostAct::in_place:
            return "in-place";
        case HostAct::save_restore:
            return "save-restore";
        case HostAct::migrate:
            return "migrate";
        case HostAct::migrate_fails_early:
            return "migrate-fails-early";
        case HostAct::migrate_fails_late:
            return "migrate-fails-late";
        case HostAct::destroy:
            return "destroy";
    }
    return "?";
}

Toolstack::Toolstack(Machine& machine) : machine_{machine}, vcpus_{machine.vcpus.online()} {}

void Toolstack::set_vcpus(uint32_t count) {
    vcpus_ = count;
    write_vcpus();
}

void Toolstack::write_vcpus() {
    for (uint32_t cpu = 0; cpu < machine_.vcpus.count(); ++cpu) {
        machine_.store->write("cpu/" + std::to_string(cpu) + "/availability",
                              cpu < vcpus_ ? "online" : "offline");
    }
}

void Toolstack::set_timer(Nanoseconds delay, void (Toolstack::*what)()) {
    machine_.clock.cancel(timer_);
    timer_acts_ = what;
    // Small enough to lie in the event itself: the guest may end in it, and nobody would free more.
    timer_ = machine_.clock.after(delay, [this] {
        timer_ = 0;
        (this->*timer_acts_)();
    });
}

bool Toolstack::start(HostAct act) {
    if (busy()) {
        return false;
    }
    now_ = Errand{.act = act, .asked = machine_.clock.now()};
    if (act == HostAct::migrate_fails_early) {
        finish(false, "migration receiver died; the guest was never suspended");
        return true;
    }
    state_ = State::waits_for_ack;
    ask();
    return true;
}

void Toolstack::start_after(Nanoseconds delay, HostAct act) {
    machine_.clock.after(delay, [this, act] {
        if (!start(act)) {
            start_after(100 * kMillisecond, act);
        }
    });
}

void Toolstack::ask() {
    set_timer(ack_timeout, &Toolstack::ack_timed_out);
    machine_.store->write(kShutdown, "suspend");
}

void Toolstack::watch_control() {
    machine_.store->watch(kShutdown, [this] { control_changed(); });
    machine_.store->watch(kFeature, [this] { feature_changed(); });
}

void Toolstack::control_changed() {
    const std::string word = machine_.store->read(kShutdown).value_or("");
    if (word == last_word_) {
        return;
    }
    const bool emptied = word.empty();
    last_word_ = word;
    if (own_write_) {
        return;
    }
    machine_.sight(emptied ? EventKind::request_acked : EventKind::request_seen);
    if (emptied && state_ == State::waits_for_ack) {
        now_.acked = machine_.clock.now();
        state_ = State::waits_for_down;
        set_timer(down_timeout, &Toolstack::down_timed_out);
    }
}

void Toolstack::take_back_request() {
    if (!last_word_.empty()) {
        own_write_ = true;
        machine_.store->write(kShutdown, "");
        own_write_ = false;
        last_word_.clear();
    }
}

void Toolstack::feature_changed() {
    const std::string value = machine_.store->read(kFeature).value_or("");
    machine_.sight(EventKind::feature_written, value == "1" ? 1 : 0);
}

// libxl: in a transaction, cancels the request if it still stands; a guest that went down without
// an ack is taken as it is.
void Toolstack::ack_timed_out() {
    take_back_request();
    if (machine_.domain.down()) {
        now_.message = "guest didn't acknowledge suspend, cancelling request";
        state_ = State::waits_for_down;
        domain_went_down();
        return;
    }
    finish(false, "guest didn't acknowledge suspend, cancelling request");
}

void Toolstack::down_timed_out() {
    finish(false, "guest did not suspend, timed out");
}

void Toolstack::domain_went_down() {
    const bool heard = !xenstored_thinks_down_;
    xenstored_thinks_down_ = true;
    if (heard) {
        machine_.store->release_domain();
    }
    if (state_ == State::idle && !unasked_.empty()) {
        now_ = Errand{.act = unasked_.front(), .asked = machine_.clock.now()};
        unasked_.pop_front();
        state_ = State::waits_for_down;
    }
    if (state_ != State::waits_for_down || !heard) {
        return;  // nobody waits for it, or nobody hears of it
    }
    now_.guest_went_down = true;
    now_.down = machine_.clock.now();
    work();
}

void Toolstack::work() {
    state_ = State::works;
    Nanoseconds away = poll_time + machine_.jitter(poll_time);
    switch (now_.act) {
        case HostAct::checkpoint:
        case HostAct::migrate_fails_late:
            away += save_time;
            break;
        case HostAct::save_restore:
        case HostAct::migrate:
            set_timer(away + save_time, &Toolstack::saved);
            return;
        default:
            break;
    }
    set_timer(away, &Toolstack::bring_back);
}

void Toolstack::saved() {
    machine_.timekeeping.freeze();
    set_timer(restore_time, &Toolstack::bring_back);
}

void Toolstack::bring_back() {
    Domain& domain = machine_.domain;
    const auto& hosts = machine_.config.hosts;
    switch (now_.act) {
        case HostAct::checkpoint:
        case HostAct::fast:
        case HostAct::migrate_fails_late:
            domain.resume_in_place(true);
            break;
        case HostAct::slow:
            domain.resume_in_place(false);
            break;
        case HostAct::in_place:
            domain.soft_reset();
            break;
        case HostAct::migrate:
            host_ = (host_ + 1) % hosts.size();
            domain.restore(hosts[host_]);
            break;
        case HostAct::save_restore:
            domain.restore(hosts[host_]);
            break;
        case HostAct::migrate_fails_early:
        case HostAct::destroy:
            machine_.die(GuestEnd::left_down, "the host destroyed the domain");
    }
    if (!forgets_resume_domain) {
        xenstored_thinks_down_ = false;  // xs_resume_domain, or a domain that xenstored never saw
    }
    const bool failed = now_.act == HostAct::migrate_fails_late;
    finish(!failed, failed ? "migration failed after the stream, resuming at sender"
                           : std::exchange(now_.message, {}));
}

void Toolstack::finish(bool succeeded, const std::string& message) {
    machine_.clock.cancel(timer_);
    timer_ = 0;
    state_ = State::idle;
    now_.succeeded = succeeded;
    now_.message = message;
    now_.up = now_.guest_went_down ? machine_.clock.now() : 0;
    errands_.push_back(now_);
    if (finished) {
        finished(errands_.back());
    }
}

}  // namespace resume::model
