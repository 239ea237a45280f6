// The four functions that the compiler may call without being asked (freestanding gcc and clang).
// String instructions, so that no loop in here can be turned into a call of itself.
#include <stddef.h>
#include <stdint.h>

extern "C" {

void* memcpy(void* __restrict to, const void* __restrict from, size_t size) {
    void* result = to;
    asm volatile("rep movsb" : "+D"(to), "+S"(from), "+c"(size) : : "memory");
    return result;
}

void* memset(void* to, int value, size_t size) {
    void* result = to;
    asm volatile("rep stosb" : "+D"(to), "+c"(size) : "a"(value) : "memory");
    return result;
}

void* memmove(void* to, const void* from, size_t size) {
    if (reinterpret_cast<uintptr_t>(to) - reinterpret_cast<uintptr_t>(from) >= size) {
        return memcpy(to, from, size);
    }
    void* result = to;
    auto* last_to = static_cast<uint8_t*>(to) + size - 1;
    auto* last_from = static_cast<const uint8_t*>(from) + size - 1;
    asm volatile("std\n\trep movsb\n\tcld"
                 : "+D"(last_to), "+S"(last_from), "+c"(size)
                 :
                 : "memory", "cc");
    return result;
}

int memcmp(const void* left, const void* right, size_t size) {
    const auto* a = static_cast<const volatile uint8_t*>(left);
    const auto* b = static_cast<const volatile uint8_t*>(right);
    for (size_t i = 0; i < size; ++i) {
        if (a[i] != b[i]) {
            return a[i] < b[i] ? -1 : 1;
        }
    }
    return 0;
}

size_t strlen(const char* text) {
    const auto* end = static_cast<const volatile char*>(text);
    while (*end != '\0') {
        end = end + 1;
    }
    return static_cast<size_t>(end - text);
}

}  // extern "C"
