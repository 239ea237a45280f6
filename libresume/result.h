// Errors of the core: a value with its cause, eight bytes and no allocation. The world's errors are
// a Result; a programmer's error is RESUME_ASSERT (assert.h).
#pragma once

#include <stdint.h>

#include "libresume/assert.h"
#include "libresume/terms.h"

namespace resume {
inline namespace v0 {

enum class Errc : uint8_t {
    none,
    refused,      ///< a device or task says no (EBUSY in Linux's words)
    timed_out,    ///< a deadline passed; Error::device names who
    called_off,   ///< a wake-up or the host called the suspend off (P12)
    busy,         ///< another transition, or a change of the tree in mid-cycle (P7, P10)
    invalid,      ///< an argument that cannot be right
    cycle,        ///< the links would make a cycle
    no_space,     ///< a fixed capacity is used up
    not_found,    ///< no such node, device or port
    exists,       ///< already registered
    again,        ///< a transaction was torn; repeat it whole
    denied,       ///< no permission
    gone,         ///< what it spoke of belongs to the old domain
    malformed,    ///< what came from outside breaks its format
    unsupported,  ///< the hypervisor or platform lacks it
    hypercall,    ///< a hypercall failed; Error::detail is its (negative) return value
    io,           ///< the device or the store failed otherwise
};

/// What failed, where and why. `detail` is an errno, a hypercall's return value, or 0.
struct Error {
    Errc code = Errc::none;
    Phase phase = Phase::none;
    uint16_t reserved = 0;
    int32_t detail = 0;
    DeviceId device = kNoDevice;
};

const char* name_of(Errc code) noexcept;

/// Result<T>: a T or an Error. T is trivially copyable; bytes are the same with and without
/// exceptions, so core and agent may share instantiations. Reading the wrong arm asserts.
template <class T = void>
class [[nodiscard]] Result;

template <>
class [[nodiscard]] Result<void> {
  public:
    constexpr Result() noexcept = default;
    constexpr Result(Error error) noexcept : error_{error} {}
    constexpr Result(Errc code, int32_t detail = 0) noexcept
        : error_{.code = code, .detail = detail} {}

    [[nodiscard]] constexpr bool ok() const noexcept { return error_.code == Errc::none; }
    [[nodiscard]] constexpr const Error& error() const noexcept {
        RESUME_ASSERT(!ok());
        return error_;
    }

  private:
    Error error_{};
};

template <class T>
class [[nodiscard]] Result {
    static_assert(__is_trivially_copyable(T), "values in the core are trivially copyable");

  public:
    constexpr Result(T value) noexcept : value_{value} {}
    constexpr Result(Error error) noexcept : error_{error} {
        RESUME_ASSERT(error.code != Errc::none);
    }
    constexpr Result(Errc code, int32_t detail = 0) noexcept
        : error_{.code = code, .detail = detail} {
        RESUME_ASSERT(code != Errc::none);
    }

    [[nodiscard]] constexpr bool ok() const noexcept { return error_.code == Errc::none; }
    [[nodiscard]] constexpr const Error& error() const noexcept {
        RESUME_ASSERT(!ok());
        return error_;
    }
    [[nodiscard]] constexpr const T& value() const noexcept {
        RESUME_ASSERT(ok());
        return value_;
    }

  private:
    T value_{};
    Error error_{};
};

/// Returns the error of `expression` from the enclosing function when it has one.
#define RESUME_TRY(expression)                            \
    do {                                                  \
        if (auto result_ = (expression); !result_.ok()) { \
            return result_.error();                       \
        }                                                 \
    } while (false)

}  // namespace v0
}  // namespace resume
