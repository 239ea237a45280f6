// One stub a vector, all of one length, so that a gate is address arithmetic. Each leaves a frame as
// TrapFrame (traps.h) has it.
#include "layout.h"

    .text
    .balign 16
    .global kernel_vector_stubs
kernel_vector_stubs:
    .set vector, 0
    .rept KERNEL_VECTORS
    .balign 16
    .if vector != 8 && vector != 10 && vector != 11 && vector != 12 && vector != 13 && vector != 14 && vector != 17 && vector != 21 && vector != 29 && vector != 30
    push $0                         // vectors without an error code
    .endif
    pushq $vector
    jmp common
    .set vector, vector + 1
    .endr

common:
    push %rax
    push %rcx
    push %rdx
    push %rbx
    push %rbp
    push %rsi
    push %rdi
    push %r8
    push %r9
    push %r10
    push %r11
    push %r12
    push %r13
    push %r14
    push %r15
    cld
    mov %rsp, %rdi
    mov %rsp, %rbx
    and $-16, %rsp
    call kernel_trap
    mov %rbx, %rsp
    pop %r15
    pop %r14
    pop %r13
    pop %r12
    pop %r11
    pop %r10
    pop %r9
    pop %r8
    pop %rdi
    pop %rsi
    pop %rbp
    pop %rbx
    pop %rdx
    pop %rcx
    pop %rax
    add $16, %rsp
    iretq

    .section .note.GNU-stack, "", @progbits
