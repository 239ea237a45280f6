// An ordinary device of somebody else's, with its own channel, under the suite: what the suite asks
// of a driver that is no part of this project.
#include "tests/conformance/conformance.h"

namespace resume::conformance {
namespace {

/// Talks to another end over an unbound channel that it allocates anew in each fresh domain.
class Frontend final : public Device {
  public:
    Frontend(Machine& machine, EventChannels& events) noexcept;

    Result<> connect() noexcept {
        evtchn_alloc_unbound ask{.dom = DOMID_SELF, .remote_dom = 0, .port = 0};
        if (xen::event_channel_op(machine_, EVTCHNOP_alloc_unbound, ask) != 0) {
            return Errc::hypercall;
        }
        channel_.owner = id();
        return events_.attach(channel_, ask.port);
    }
    [[nodiscard]] bool connected() const noexcept { return channel_.port != 0; }
    [[nodiscard]] Channel& channel() noexcept { return channel_; }

  private:
    Progress suspend(ThreadContext&) noexcept { return Progress::done(); }
    Progress resume(ThreadContext&, Outcome outcome) noexcept {
        return outcome == Outcome::resumed ? connect() : Result<>{};
    }
    static const DriverOps kOps;

    Machine& machine_;
    EventChannels& events_;
    Channel channel_{};
};
constexpr DriverOps Frontend::kOps = {
    .driver = "frontend",
    .suspend = thread_down<&Frontend::suspend>,
    .resume = thread_up<&Frontend::resume>,
};
Frontend::Frontend(Machine& machine, EventChannels& events) noexcept
    : Device{kOps, "frontend"}, machine_{machine}, events_{events} {}

struct FrontendSubject {
    FrontendSubject() : frontend{guest.machine, guest.guest.events()} {}
    ~FrontendSubject() {
        if (frontend.registered()) {
            EXPECT_TRUE(guest.guest.remove(frontend).ok());
        }
        guest.guest.events().detach(frontend.channel());
    }
    FrontendSubject(const FrontendSubject&) = delete;
    FrontendSubject& operator=(const FrontendSubject&) = delete;

    void attach() {
        ASSERT_TRUE(guest.guest.add(frontend).ok());
        ASSERT_TRUE(frontend.connect().ok());
    }
    Device& device() { return frontend; }
    bool works() { return frontend.connected(); }

    ModelGuest guest;
    Frontend frontend;
};

using Others = testing::Types<FrontendSubject>;
INSTANTIATE_TYPED_TEST_SUITE_P(Others, Conformance, Others);

}  // namespace
}  // namespace resume::conformance
