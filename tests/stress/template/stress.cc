// resume-stress with the driver in each of its guests.
#include "doorbell.h"
#include "tests/stress/program/program.h"

namespace {

class DoorbellPart final : public resume::stress::GuestPart {
  public:
    DoorbellPart(resume::Machine& machine, resume::XenGuest& guest)
        : guest_{guest}, doorbell_{machine, 0} {}

    resume::Result<> attach() override {
        RESUME_TRY(guest_.add(doorbell_));
        return doorbell_.connect();
    }
    void pump() override { (void)doorbell_.ring(); }
    std::string trouble() override {
        return doorbell_.ring().ok() ? "" : "the doorbell cannot be rung any more";
    }
    void detach() override {
        doorbell_.disconnect();
        (void)guest_.remove(doorbell_);
    }

  private:
    resume::XenGuest& guest_;
    Doorbell doorbell_;
};

}  // namespace

int main(int argc, char** argv) {
    return resume::stress::stress_main(
        argc, argv,
        {.name = "doorbell-stress",
         .part = [](resume::Machine& machine,
                    resume::XenGuest& guest) -> std::unique_ptr<resume::stress::GuestPart> {
             return std::make_unique<DoorbellPart>(machine, guest);
         }});
}
