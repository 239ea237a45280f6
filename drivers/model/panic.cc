// The core's panic hook in a modelled guest: the guest dies, the process lives.
#include <cstdio>
#include <cstdlib>
#include <string>

#include "drivers/model/machine.h"

namespace resume {
namespace model {
Machine* running_machine() noexcept;
}
inline namespace v0 {

void panic(const char* what, const char* file, int line) noexcept {
    Machine* const machine = model::running_machine();
    if (machine != nullptr && machine->fiber.inside()) {
        machine->die(model::GuestEnd::panicked,
                     std::string{what} + " at " + file + ":" + std::to_string(line));
    }
    std::fprintf(stderr, "panic: %s at %s:%d\n", what, file, line);
    std::abort();
}

}  // namespace v0
}  // namespace resume
