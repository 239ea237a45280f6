// Text of a kernel that has no library: one line put together in place, and the two ways out.
#pragma once

#include <stdint.h>

namespace kernel {

/// A line being written; what does not fit is cut. No allocation, any context.
class Line {
  public:
    Line& text(const char* text) noexcept;
    Line& decimal(uint64_t value) noexcept;
    Line& signed_decimal(int64_t value) noexcept;
    Line& hex(uint64_t value) noexcept;
    /// The newline, once and last; it always fits.
    void end() noexcept;

    [[nodiscard]] const char* data() const noexcept { return buffer_; }
    [[nodiscard]] uint32_t size() const noexcept { return size_; }

  private:
    void put(char byte) noexcept;

    char buffer_[240] = {};
    uint32_t size_ = 0;
};

/// Two texts, both ended by a zero, of the same bytes.
bool equal(const char* left, const char* right) noexcept;

/// Port 0xE9: `xl dmesg` of the host. Works from the first instruction to the last; any context.
void debug_port_write(const char* data, uint32_t size) noexcept;

/// Where else lines go once there is a console; null before. Writes all of it or gives up by
/// itself; any context. Set by main, called by print and by the panic hook.
using ConsoleWrite = void (*)(const char* data, uint32_t size) noexcept;
void set_console(ConsoleWrite write) noexcept;

/// The line and its end on both ways out.
void print(Line line) noexcept;
/// On the console alone: what is long and would only push the rest out of the host's buffer.
void print_console(const char* data, uint32_t size) noexcept;

}  // namespace kernel
