// Where objects of a modelled guest live.
#pragma once

#include <cstddef>
#include <memory>
#include <new>

namespace resume::stress {

/// Memory for objects of a guest's: a dead guest's are never destroyed, but their memory goes.
template <class T>
class GuestMemory {
  public:
    explicit GuestMemory(std::size_t count)
        : first_{
              static_cast<T*>(::operator new (count * sizeof(T), std::align_val_t{alignof(T)}))} {
        std::uninitialized_default_construct_n(first_, count);
    }
    ~GuestMemory() { ::operator delete (first_, std::align_val_t{alignof(T)}); }
    GuestMemory(const GuestMemory&) = delete;
    GuestMemory& operator=(const GuestMemory&) = delete;
    [[nodiscard]] T* get() const noexcept { return first_; }

  private:
    T* first_;
};

}  // namespace resume::stress
