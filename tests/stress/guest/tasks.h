// The modelled guest's user space: tasks that use the store through the kernel, are frozen and
// thawed, and may refuse. Task 0 is the thread that drives the suspend.
#pragma once

#include <algorithm>
#include <array>

#include "drivers/store/store.h"
#include "drivers/xen_guest/xen_guest.h"

namespace resume::stress {

inline constexpr uint32_t kTasks = 3;

/// One task: reads a node again and again while `busy`.
class Task {
  public:
    void start(Machine& machine, Store& store, TaskId id) noexcept;
    /// The task is gone: what it had in the store is taken back.
    void kill() noexcept;
    void stop() noexcept;

    bool busy = false;
    bool refuses = false;  ///< uninterruptible: cannot be frozen
    bool frozen = false;
    uint64_t answers = 0;
    StoreTransaction transaction{};

    /// Asks the store once more, unless it is frozen or has asked already.
    void work() noexcept;
    [[nodiscard]] TaskId id() const noexcept { return id_; }

  private:
    static void answered(void* self, StoreRequest& request) noexcept;

    Machine* machine_ = nullptr;
    Store* store_ = nullptr;
    TaskId id_ = 0;
    Ticks next_ = 0;  ///< when it asks again: it thinks in between
    StoreRequest request_;
    char reply_[64] = {};
};

class Tasks {
  public:
    void start(Machine& machine, Store& store) noexcept;
    void stop() noexcept;
    void work() noexcept;
    [[nodiscard]] Task& at(uint32_t index) noexcept { return tasks_[index]; }
    [[nodiscard]] resume::Tasks hooks() noexcept;
    /// All of them.
    [[nodiscard]] bool frozen() const noexcept {
        return std::all_of(tasks_.begin(), tasks_.end(),
                           [](const Task& task) { return task.frozen; });
    }

  private:
    static Result<> freeze(void* self, Ticks deadline) noexcept;
    static void thaw(void* self, Outcome outcome) noexcept;

    Machine* machine_ = nullptr;
    Store* store_ = nullptr;
    std::array<Task, kTasks> tasks_;
};

}  // namespace resume::stress
