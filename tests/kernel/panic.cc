// The panic hook of libresume/assert.h: say it, show the trace, stop.

#include "libresume/platform/xen.h"

#include "libresume/assert.h"
#include "tests/kernel/instructions.h"
#include "tests/kernel/line.h"
#include "tests/kernel/machine_state.h"
#include "tests/kernel/raw_console.h"
#include "tests/kernel/trace_dump.h"

namespace resume {
inline namespace v0 {

[[noreturn]] void panic(const char* what, const char* file, int line) noexcept {
    static constinit bool panicking = false;
    kernel::irqs_off();
    if (!panicking) {
        panicking = true;
        kernel::set_console(kernel::raw_console_write);
        kernel::print(kernel::Line{}
                          .text("PANIC ")
                          .text(what)
                          .text(" at ")
                          .text(file)
                          .text(":")
                          .signed_decimal(line));
        kernel::dump_trace_in_panic();
    }
    kernel::shut_down(SHUTDOWN_crash);
}

}  // namespace v0
}  // namespace resume
