/* Numbers that assembly, C++ and the linker script must agree on. */
#pragma once

#define KERNEL_MAX_CPUS 8
#define KERNEL_STACK_SIZE 32768
#define KERNEL_CODE_SELECTOR 8
#define KERNEL_DATA_SELECTOR 16
#define KERNEL_FIRST_VECTOR 0x40
#define KERNEL_VECTORS 256
