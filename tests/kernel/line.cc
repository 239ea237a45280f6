#include "tests/kernel/line.h"

#include "tests/kernel/instructions.h"

namespace kernel {
namespace {

constexpr uint16_t kDebugPort = 0xe9;
constinit ConsoleWrite g_console = nullptr;

}  // namespace

void Line::put(char byte) noexcept {
    if (size_ < sizeof(buffer_) - 1) {  // the last byte is the line's end's
        buffer_[size_++] = byte;
    }
}

void Line::end() noexcept {
    buffer_[size_++] = '\n';
}

Line& Line::text(const char* text) noexcept {
    for (; *text != '\0'; ++text) {
        put(*text);
    }
    return *this;
}

Line& Line::decimal(uint64_t value) noexcept {
    char digits[20];
    uint32_t count = 0;
    do {
        digits[count++] = static_cast<char>('0' + value % 10);
        value /= 10;
    } while (value != 0);
    while (count > 0) {
        put(digits[--count]);
    }
    return *this;
}

Line& Line::signed_decimal(int64_t value) noexcept {
    if (value < 0) {
        put('-');
        return decimal(~static_cast<uint64_t>(value) + 1);
    }
    return decimal(static_cast<uint64_t>(value));
}

Line& Line::hex(uint64_t value) noexcept {
    text("0x");
    int shift = 60;
    while (shift > 0 && (value >> shift) == 0) {
        shift -= 4;
    }
    for (; shift >= 0; shift -= 4) {
        put("0123456789abcdef"[(value >> shift) & 15]);
    }
    return *this;
}

bool equal(const char* left, const char* right) noexcept {
    while (*left != '\0' && *left == *right) {
        ++left;
        ++right;
    }
    return *left == *right;
}

void debug_port_write(const char* data, uint32_t size) noexcept {
    for (uint32_t i = 0; i < size; ++i) {
        write_port8(kDebugPort, static_cast<uint8_t>(data[i]));
    }
}

void set_console(ConsoleWrite write) noexcept {
    g_console = write;
}

void print(Line line) noexcept {
    line.end();
    debug_port_write(line.data(), line.size());
    print_console(line.data(), line.size());
}

void print_console(const char* data, uint32_t size) noexcept {
    if (g_console != nullptr) {
        g_console(data, size);
    }
}

}  // namespace kernel
