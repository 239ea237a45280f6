#include "drivers/balloon/balloon.h"

#include "drivers/support/xen_result.h"

namespace resume {
inline namespace v0 {
namespace {

constexpr const char* kDirectory = "memory";
constexpr const char* kTarget = "memory/target";
constexpr uint32_t kPageKib = kPageSize / 1024;

}  // namespace

constexpr DriverOps Balloon::kOps = {
    .driver = "balloon",
    .suspend = thread_down<&Balloon::suspend>,
    .resume = thread_up<&Balloon::resume>,
};

Balloon::Balloon(Machine& machine, Store& store, const BalloonConfig& config, Bugs bugs) noexcept
    : Device{kOps, config.name},
      machine_{machine},
      store_{store},
      config_{config},
      bugs_{bugs},
      batch_{store} {
    RESUME_ASSERT(config.pool != nullptr && config.pages != 0);
    watch_.path = kTarget;
    watch_.fired = [](void* self, const char*) noexcept {
        static_cast<Balloon*>(self)->read_target();
    };
    watch_.argument = this;
}

Balloon::~Balloon() {
    store_.forget(watch_);
}

void Balloon::start() noexcept {
    RESUME_ASSERT(registered() && !watch_.registered);
    // Refused: nobody says how much it is to have, and it keeps all.
    (void)store_.add_watch(watch_);
}

void Balloon::stop() noexcept {
    RESUME_ASSERT(!quiet_);
    batch_.cancel();
    if (watch_.registered && !store_.closed()) {
        // That the daemon does not answer leaves a watch behind whose events nobody hears.
        (void)store_.unwatch(watch_);
    }
    store_.forget(watch_);
    read_again_ = false;
    wanted_ = out_;
}

Progress Balloon::suspend(ThreadContext&) noexcept {
    quiet_ = true;
    return Progress::done();
}

Progress Balloon::resume(ThreadContext&, Outcome outcome) noexcept {
    quiet_ = false;
    not_before_ = 0;  // another host may have what the last one had not
    if (outcome != Outcome::aborted && bugs_.has(Bug::balloon_forgets)) {
        while (out_ != 0) {
            give_back(--out_);
        }
    }
    return Progress::done();
}

/// One reading at a time; what is written meanwhile is read after it.
void Balloon::read_target() noexcept {
    read_again_ = batch_.busy();
    if (read_again_) {
        return;
    }
    batch_.read(kDirectory, "target", &target_kib_, 0);
    // Without it (an old toolstack) the first target is all that the guest was ever given.
    batch_.read(kDirectory, "static-max", &most_kib_, most_kib_);
    // Not taken in: the connection is broken, and a restore's new one begins with an event.
    (void)batch_.send(
        [](void* self, const Error& error) noexcept {
            auto& balloon = *static_cast<Balloon*>(self);
            if (error.code == Errc::none) {
                balloon.take_target();
            }
            if (balloon.read_again_) {
                balloon.read_target();
            }
        },
        this);
}

/// A target that is missing, or no number, changes nothing.
void Balloon::take_target() noexcept {
    if (target_kib_ == 0) {
        return;
    }
    most_kib_ = most_kib_ != 0 ? most_kib_ : target_kib_;
    const uint32_t pages = most_kib_ > target_kib_ ? (most_kib_ - target_kib_) / kPageKib : 0;
    wanted_ = pages < config_.pages ? pages : config_.pages;
    not_before_ = 0;
}

void Balloon::pump() noexcept {
    if (quiet_ || out_ == wanted_ || raw_counter(machine_) < not_before_) {
        return;
    }
    if (out_ < wanted_) {
        give();
    } else {
        fetch();
    }
}

void Balloon::give() noexcept {
    const uint32_t most = wanted_ - out_ < kBatch ? wanted_ - out_ : kBatch;
    const BalloonUser& user = config_.user;
    uint32_t count = 0;
    while (count < most && (user.spare == nullptr || user.spare(user.self, out_ + count))) {
        ++count;
    }
    if (count < most) {
        retry_later();
    }
    if (count == 0) {
        return;
    }
    const uint32_t done = call(XENMEM_decrease_reservation, out_, count);
    for (uint32_t i = done; i < count; ++i) {
        give_back(out_ + i);
    }
    out_ += done;
}

/// From the end, so that what is out is always the beginning of the pool.
void Balloon::fetch() noexcept {
    const uint32_t count = out_ - wanted_ < kBatch ? out_ - wanted_ : kBatch;
    for (uint32_t done = call(XENMEM_populate_physmap, out_ - count, count); done > 0; --done) {
        give_back(--out_);
    }
}

void Balloon::give_back(uint32_t index) noexcept {
    if (config_.user.returned != nullptr) {
        config_.user.returned(config_.user.self, index);
    }
}

/// How many of the pages Xen took, from the first up, or gave, from the last down: it goes through
/// the list in its order and stops where it cannot go on.
uint32_t Balloon::call(unsigned op, uint32_t first, uint32_t count) noexcept {
    xen_pfn_t frames[kBatch];
    for (uint32_t i = 0; i < count; ++i) {
        const uint32_t index =
            op == XENMEM_decrease_reservation ? first + i : first + count - 1 - i;
        frames[i] = frame_of(machine_, &config_.pool[index]);
    }
    xen_memory_reservation reservation{};
    set_xen_guest_handle(reservation.extent_start, frames);
    reservation.nr_extents = count;
    reservation.domid = DOMID_SELF;
    const long value = xen::memory_op(machine_, op, reservation);
    const uint32_t done = value < 0 ? 0 : static_cast<uint32_t>(value);
    if (done < count) {
        ++refusals_;
        retry_later();
    }
    return done < count ? done : count;
}

void Balloon::retry_later() noexcept {
    not_before_ = raw_counter(machine_) + counter_hz(machine_) / 1'000 * kRetryMs;
}

}  // namespace v0
}  // namespace resume
