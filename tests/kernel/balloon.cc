#include "tests/kernel/balloon.h"

#include "tests/kernel/machine_state.h"
#include "tests/kernel/wait.h"

namespace kernel {
namespace {

constexpr uint32_t kPatienceSeconds = 30;

constinit resume::BalloonPage g_pool[Balloon::kMaxPages] = {};

}  // namespace

Balloon::Balloon(resume::Machine& machine, resume::XenGuest& guest,
                 const CommandLine& words) noexcept
    : machine_{machine},
      guest_{guest},
      pages_{words.balloon},
      load_{g_pool, pages_, words.seed},
      balloon_{machine,
               guest.store(),
               {.pool = g_pool, .pages = pages_ != 0 ? pages_ : kMaxPages, .user = load_.user()},
               words.bugs} {
    RESUME_ASSERT(pages_ <= kMaxPages);
}

resume::Result<> Balloon::add() noexcept {
    return pages_ != 0 ? guest_.add(balloon_) : resume::Result<>{};
}

void Balloon::start() noexcept {
    if (pages_ != 0) {
        balloon_.start();
    }
}

void Balloon::run() noexcept {
    if (pages_ != 0) {
        balloon_.pump();
    }
}

void Balloon::report() noexcept {
    wait_until(
        machine_, guest_, kPatienceSeconds, [this] { return balloon_.out() == balloon_.wanted(); },
        [this] { balloon_.pump(); });
    print(Line{}
              .text("BALLOON out=")
              .decimal(balloon_.out())
              .text(" wanted=")
              .decimal(balloon_.wanted())
              .text(" used=")
              .decimal(load_.used())
              .text(" wrong=")
              .decimal(load_.wrong())
              .text(" refusals=")
              .decimal(balloon_.refusals()));
}

}  // namespace kernel
