// The doctor in the daemon: what changed under the guest goes into each report, and the verdict
// stands in the store from the start on and is looked at anew after every cycle.
#pragma once

#include <functional>
#include <optional>
#include <set>
#include <string>

#include "agent/act/participant.h"
#include "agent/base/event_loop.h"
#include "agent/doctor/guest_record.h"
#include "agent/report/store_publisher.h"

namespace resume::agent {

/// Remembers the inventory before an announced cycle and compares it after every one.
class InventoryParticipant final : public Participant {
  public:
    InventoryParticipant(Cycle& cycle, EventLoop& loop, doctor::GuestRecord& record);

    /// For how long frontends may take to be back; then the report says that they are not. Below a
    /// participant's own deadline.
    static constexpr std::chrono::milliseconds kPatience{8000};
    static constexpr std::chrono::milliseconds kLook{100};

  protected:
    void before(Done done) override;
    void after(Outcome outcome, Done done) override;

  private:
    void look(Done done, EventLoop::Clock::time_point limit);

    EventLoop& loop_;
    doctor::GuestRecord& record_;
};

/// Keeps data/resume/doctor, and logs a verdict that is another than before.
class VerdictKeeper {
  public:
    using Store = std::function<std::optional<std::string>(std::string_view)>;

    /// `publisher` may be null and `store` empty: no xenstore. Both outlive it.
    VerdictKeeper(EventLoop& loop, doctor::GuestRecord& record, StorePublisher* publisher,
                  Store store);
    VerdictKeeper(const VerdictKeeper&) = delete;
    VerdictKeeper& operator=(const VerdictKeeper&) = delete;
    ~VerdictKeeper();

    /// Publishes a verdict at once, and again when the kernel's changelog is known.
    void start();
    /// Publishes a verdict: at once, or, when something is busy that might hang, half a second
    /// later.
    void refresh();
    /// As data/resume/doctor has it.
    [[nodiscard]] const std::string& verdict() const noexcept { return verdict_; }
    /// The whole, now, for whoever asks.
    [[nodiscard]] doctor::Diagnosis diagnosis() { return record_.diagnosis(store_); }

    static constexpr std::chrono::milliseconds kBetweenLooks{500};

  private:
    void publish(std::optional<doctor::Activity> earlier);

    EventLoop& loop_;
    doctor::GuestRecord& record_;
    StorePublisher* publisher_;
    Store store_;
    std::string verdict_{};
    EventLoop::TimerId timer_ = 0;
};

}  // namespace resume::agent
