// The words that a toolstack writes to control/shutdown (docs/misc/xenstore-paths.pandoc).
#pragma once

#include <stdint.h>

namespace resume {
inline namespace v0 {

enum class ShutdownWord : uint8_t { none, poweroff, reboot, halt, suspend };
inline constexpr uint8_t kShutdownWordCount = 5;

/// Why a value of control/shutdown was left alone: EventKind::request_ignored, arg32.
enum class RequestIgnored : uint8_t {
    empty = 1,      ///< our own ack, or the toolstack gave up
    missing = 2,    ///< no such node
    unhandled = 3,  ///< a word that this guest does not carry out, or no word at all
    busy = 4,       ///< a request is under way; looked at afterwards
    torn = 5,       ///< the ack was torn too often
};

/// A set of words.
class ShutdownWords {
  public:
    constexpr ShutdownWords() noexcept = default;
    [[nodiscard]] constexpr ShutdownWords with(ShutdownWord word) const noexcept {
        ShutdownWords more = *this;
        more.mask_ = static_cast<uint8_t>(mask_ | 1U << static_cast<uint8_t>(word));
        return more;
    }
    [[nodiscard]] constexpr bool has(ShutdownWord word) const noexcept {
        return word != ShutdownWord::none && (mask_ >> static_cast<uint8_t>(word) & 1U) != 0;
    }

  private:
    uint8_t mask_ = 0;
};

/// The word in the first `size` bytes of `value`; none for anything else, a longer word included.
/// Pure; `value` is untrusted.
ShutdownWord parse_shutdown_word(const char* value, uint32_t size) noexcept;
/// "suspend" and so on; "?" for none.
const char* name_of(ShutdownWord word) noexcept;
/// The node that announces the word; null where there is none (halt).
const char* feature_node(ShutdownWord word) noexcept;

}  // namespace v0
}  // namespace resume
