// Marks what runs at boot only. A kernel may throw the section away once boot is over, and check
// (as Linux's modpost does) that nothing which stays refers to it: RHEL 8.8 died of that (L10).
#pragma once

#define RESUME_BOOT_CODE __attribute__((section(".boot.text"), noinline))
