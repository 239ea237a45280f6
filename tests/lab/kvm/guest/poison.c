/* poison.c HOW: loses one page of its own the way HOW says (madvise, hard, soft) and prints the
 * page's physical address. madvise: MADV_HWPOISON; hard, soft: the sysfs files of memory failure. */
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static const uint64_t kPresent = 1ULL << 63;
static const uint64_t kFrameBits = (1ULL << 55) - 1; /* Documentation/admin-guide/mm/pagemap.rst */

static uint64_t physical_address(const void* page) {
    uint64_t entry = 0;
    const long size = sysconf(_SC_PAGESIZE);
    const int fd = open("/proc/self/pagemap", O_RDONLY);
    const off_t at = (off_t)((uintptr_t)page / (uintptr_t)size * sizeof entry);
    if (fd < 0 || pread(fd, &entry, sizeof entry, at) != (ssize_t)sizeof entry) {
        return 0;
    }
    close(fd);
    return (entry & kPresent) != 0 ? (entry & kFrameBits) * (uint64_t)size : 0;
}

static int write_address(const char* file, uint64_t address) {
    FILE* stream = fopen(file, "w");
    if (stream == NULL) {
        return -1;
    }
    const int written = fprintf(stream, "0x%llx\n", (unsigned long long)address);
    return fclose(stream) == 0 && written > 0 ? 0 : -1;
}

int main(int argc, char** argv) {
    const size_t size = (size_t)sysconf(_SC_PAGESIZE);
    void* page = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (argc != 2 || page == MAP_FAILED) {
        return 64;
    }
    memset(page, 1, size);
    const uint64_t address = physical_address(page);
    if (address == 0) {
        return 1;
    }
    int failed = -1;
    if (strcmp(argv[1], "madvise") == 0) {
        failed = madvise(page, size, MADV_HWPOISON);
    } else if (strcmp(argv[1], "hard") == 0) {
        failed = write_address("/sys/devices/system/memory/hard_offline_page", address);
    } else if (strcmp(argv[1], "soft") == 0) {
        failed = write_address("/sys/devices/system/memory/soft_offline_page", address);
    }
    if (failed != 0) {
        perror(argv[1]);
        return 1;
    }
    printf("0x%llx\n", (unsigned long long)address);
    return 0;
}
