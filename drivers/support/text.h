// Text without libc: paths of the store and numbers in them.
#pragma once

#include <stdint.h>

namespace resume {
inline namespace v0 {

inline uint32_t text_length(const char* text) noexcept {
    uint32_t length = 0;
    while (text[length] != '\0') {
        ++length;
    }
    return length;
}

inline bool same_text(const char* left, const char* right) noexcept {
    while (*left != '\0' && *left == *right) {
        ++left;
        ++right;
    }
    return *left == *right;
}

/// Builds a text in a buffer of its owner's; what does not fit is cut, and said so.
class TextBuilder {
  public:
    TextBuilder(char* buffer, uint32_t capacity) noexcept : buffer_{buffer}, capacity_{capacity} {
        buffer_[0] = '\0';
    }
    TextBuilder& add(const char* text) noexcept {
        for (; *text != '\0'; ++text) {
            put(*text);
        }
        return *this;
    }
    TextBuilder& add(uint64_t number) noexcept {
        char digits[20];
        uint32_t count = 0;
        do {
            digits[count++] = static_cast<char>('0' + number % 10);
            number /= 10;
        } while (number != 0);
        while (count != 0) {
            put(digits[--count]);
        }
        return *this;
    }
    [[nodiscard]] bool complete() const noexcept { return complete_; }
    [[nodiscard]] uint32_t size() const noexcept { return size_; }

  private:
    void put(char letter) noexcept {
        if (size_ + 1 >= capacity_) {
            complete_ = false;
            return;
        }
        buffer_[size_++] = letter;
        buffer_[size_] = '\0';
    }

    char* buffer_;
    uint32_t capacity_;
    uint32_t size_ = 0;
    bool complete_ = true;
};

}  // namespace v0
}  // namespace resume
