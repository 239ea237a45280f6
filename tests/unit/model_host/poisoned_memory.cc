#include "tests/unit/model_host/poisoned_memory.h"

#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>

namespace resume::model {
namespace {

// linux/userfaultfd.h of Linux 6.6; Debian 12's headers are older.
constexpr uint64_t kFeaturePoison = uint64_t{1} << 14;
struct Poison {
    uffdio_range range;
    uint64_t mode;
    int64_t updated;
};
constexpr unsigned long kPoisonIoctl = _IOWR(UFFDIO, 0x08, Poison);
constexpr int kUserModeOnly = 1;

int open_faults(std::string& why) {
    const long fd = ::syscall(SYS_userfaultfd, O_CLOEXEC | O_NONBLOCK | kUserModeOnly);
    if (fd < 0) {
        why = std::string{"userfaultfd: "} + std::strerror(errno);
        return -1;
    }
    uffdio_api api{.api = UFFD_API, .features = kFeaturePoison, .ioctls = 0};
    if (::ioctl(static_cast<int>(fd), UFFDIO_API, &api) != 0) {
        why = "this kernel has no UFFDIO_POISON (Linux 6.6)";
        ::close(static_cast<int>(fd));
        return -1;
    }
    return static_cast<int>(fd);
}

void require(bool condition) {
    if (!condition) {
        std::abort();
    }
}

}  // namespace

std::string PoisonedMemory::missing() {
    std::string why;
    if (const int fd = open_faults(why); fd >= 0) {
        ::close(fd);
    }
    return why;
}

PoisonedMemory::PoisonedMemory(size_t length) : length_{length} {
    void* at = ::mmap(nullptr, length, PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    require(at != MAP_FAILED);
    bytes_ = static_cast<uint8_t*>(at);
    std::string why;
    fault_fd_ = open_faults(why);
    require(fault_fd_ >= 0);
    // Write-protect mode, and nothing protected: only lost pages fault, the rest is plain memory.
    uffdio_register range{.range = {.start = reinterpret_cast<uint64_t>(bytes_), .len = length},
                          .mode = UFFDIO_REGISTER_MODE_WP,
                          .ioctls = 0};
    require(::ioctl(fault_fd_, UFFDIO_REGISTER, &range) == 0);
}

PoisonedMemory::~PoisonedMemory() {
    ::close(fault_fd_);
    ::munmap(bytes_, length_);
}

void PoisonedMemory::lose(size_t offset, size_t length) {
    // Only an empty place can be marked.
    require(::madvise(bytes_ + offset, length, MADV_DONTNEED) == 0);
    Poison poison{.range = {.start = reinterpret_cast<uint64_t>(bytes_ + offset), .len = length},
                  .mode = 0,
                  .updated = 0};
    require(::ioctl(fault_fd_, kPoisonIoctl, &poison) == 0 || errno == EEXIST);
}

}  // namespace resume::model
