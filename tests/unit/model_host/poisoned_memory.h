// Memory whose pages can be lost for real: the next touch of one is a SIGBUS. Made with
// userfaultfd's UFFDIO_POISON (Linux 6.6 and later), which needs no privilege and no bad hardware.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

namespace resume::model {

class PoisonedMemory {
  public:
    /// Why this kernel cannot do it; empty when it can.
    static std::string missing();

    /// `length` bytes of zeros, aligned to 4 KiB.
    explicit PoisonedMemory(size_t length);
    ~PoisonedMemory();
    PoisonedMemory(const PoisonedMemory&) = delete;
    PoisonedMemory& operator=(const PoisonedMemory&) = delete;

    /// Loses [offset, offset + length), both multiples of 4 KiB. What it held is gone.
    void lose(size_t offset, size_t length);
    [[nodiscard]] uint8_t* bytes() const { return bytes_; }

  private:
    uint8_t* bytes_ = nullptr;
    size_t length_ = 0;
    int fault_fd_ = -1;
};

}  // namespace resume::model
