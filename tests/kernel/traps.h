// What vectors.S leaves on the stack.
#pragma once

#include <stdint.h>

namespace kernel {

struct TrapFrame {
    uint64_t r15, r14, r13, r12, r11, r10, r9, r8, rdi, rsi, rbp, rbx, rdx, rcx, rax;
    uint64_t vector, error;
    uint64_t rip, cs, rflags, rsp, ss;
};

}  // namespace kernel
