// The driver under the suite that every driver of libresume passes.
#include "tests/conformance/conformance.h"

#include "doorbell.h"

namespace resume::conformance {

struct DoorbellSubject {
    DoorbellSubject() : doorbell{guest.machine, 0} {}
    ~DoorbellSubject() {
        if (doorbell.registered()) {
            EXPECT_TRUE(guest.guest.remove(doorbell).ok());
        }
    }
    DoorbellSubject(const DoorbellSubject&) = delete;
    DoorbellSubject& operator=(const DoorbellSubject&) = delete;

    void attach() {
        ASSERT_TRUE(guest.guest.add(doorbell).ok());
        ASSERT_TRUE(doorbell.connect().ok());
    }
    Device& device() { return doorbell; }
    bool works() { return doorbell.ring().ok(); }

    ModelGuest guest;
    Doorbell doorbell;
};

using Doorbells = testing::Types<DoorbellSubject>;
INSTANTIATE_TYPED_TEST_SUITE_P(Doorbells, Conformance, Doorbells);

}  // namespace resume::conformance
