// Entry of a PVH guest and of its further vCPUs. All of it is needed at boot only: .init.text is
// unmapped once the guest is up.
//
// At PVH entry (docs/misc/pvh.pandoc): 32-bit protected mode, paging off, flat hidden segments, no
// GDT, no stack, ebx = struct hvm_start_info. The selectors read 0, so no segment may be reloaded
// and no fault taken before the GDT is ours.
#include "layout.h"

    .section .note.Xen, "a", @note
    .balign 4
    .long 4, 4, 18                  // name size, descriptor size, XEN_ELFNOTE_PHYS32_ENTRY
    .asciz "Xen"
    .long kernel_entry

    .section .init.text, "ax", @progbits
    .code32
    .global kernel_entry
kernel_entry:
    cld
    mov %ebx, %ebp
    mov $(kernel_stacks + KERNEL_STACK_SIZE), %esp

    // Identity map of 4 GiB in 2 MiB pages: Xen's store and console pages and the local APIC lie
    // just below 4 GiB.
    mov $(kernel_pdpt + 3), %eax
    mov %eax, kernel_pml4
    mov $(kernel_pd + 3), %eax
    mov $kernel_pdpt, %edi
    mov $4, %ecx
1:  mov %eax, (%edi)
    add $0x1000, %eax
    add $8, %edi
    loop 1b
    mov $0x83, %eax
    mov $kernel_pd, %edi
    mov $2048, %ecx
2:  mov %eax, (%edi)
    add $0x200000, %eax
    add $8, %edi
    loop 2b
    // The first 2 MiB in 4 KiB pages, so that single ones can be unmapped: the boot-only code later,
    // page 0 from the start (a null pointer faults).
    mov $(kernel_pt + 3), %eax
    mov %eax, kernel_pd
    mov $0x1003, %eax
    mov $(kernel_pt + 8), %edi
    mov $511, %ecx
3:  mov %eax, (%edi)
    add $0x1000, %eax
    add $8, %edi
    loop 3b

    mov %cr4, %eax
    or $0x20, %eax                  // PAE
    mov %eax, %cr4
    mov $kernel_pml4, %eax
    mov %eax, %cr3
    mov $0xc0000080, %ecx           // EFER
    rdmsr
    or $0x100, %eax                 // LME
    wrmsr
    mov %cr0, %eax
    or $0x80010000, %eax            // PG, WP
    mov %eax, %cr0
    lgdt kernel_gdt_pointer
    ljmp $KERNEL_CODE_SELECTOR, $4f

    .code64
4:  mov $KERNEL_DATA_SELECTOR, %eax
    mov %eax, %ds
    mov %eax, %es
    mov %eax, %ss
    mov $(kernel_stacks + KERNEL_STACK_SIZE), %rsp
    mov %ebp, %edi
    xor %ebp, %ebp
    call kernel_main
    ud2

// A further vCPU arrives in long mode (VCPUOP_initialise, VCPU_HVM_MODE_64B) with the page tables
// and control registers of the first one, but with an empty GDTR and IDTR: the first interrupt
// would be a triple fault. rsp = top of its stack, rdi = its number.
    .global kernel_ap_entry
kernel_ap_entry:
    lgdt kernel_gdt_pointer
    mov $KERNEL_DATA_SELECTOR, %eax
    mov %eax, %ds
    mov %eax, %es
    mov %eax, %ss
    push $KERNEL_CODE_SELECTOR
    lea 1f(%rip), %rax
    push %rax
    lretq
1:  xor %ebp, %ebp
    call kernel_ap_main
    ud2

    .section .data, "aw", @progbits
    .balign 8
kernel_gdt:
    .quad 0
    .quad 0x00af9b000000ffff        // 64-bit code
    .quad 0x00cf93000000ffff        // data
kernel_gdt_end:
kernel_gdt_pointer:
    .word kernel_gdt_end - kernel_gdt - 1
    .quad kernel_gdt

    .section .bss, "aw", @nobits
    .balign 4096
    .global kernel_pml4, kernel_pt
kernel_pml4: .skip 4096
kernel_pdpt: .skip 4096
kernel_pd:   .skip 4 * 4096
kernel_pt:   .skip 4096
    .balign KERNEL_STACK_SIZE
    .global kernel_stacks
kernel_stacks: .skip KERNEL_STACK_SIZE * KERNEL_MAX_CPUS

    .section .note.GNU-stack, "", @progbits
