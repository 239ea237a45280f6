// Boost.Intrusive's assertions end in the panic hook (BOOST_ENABLE_ASSERT_HANDLER), not in libc.
#include "libresume/assert.h"

namespace boost {

void assertion_failed(char const* what, char const*, char const* file, long line) {
    resume::panic(what, file, static_cast<int>(line));
}

void assertion_failed_msg(char const* what, char const*, char const*, char const* file, long line) {
    resume::panic(what, file, static_cast<int>(line));
}

}  // namespace boost
