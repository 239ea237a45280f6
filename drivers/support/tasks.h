// What the embedder schedules, as the guests' compositions are told of it.
#pragma once

#include "libresume/result.h"
#include "libresume/terms.h"

namespace resume {
inline namespace v0 {

/// Absent: it has no tasks (a unikernel).
struct Tasks {
    void* tasks = nullptr;
    /// Stops every task but the caller; all of them are outside the store then. Thread context.
    Result<> (*freeze)(void* tasks, Ticks deadline) noexcept = nullptr;
    void (*thaw)(void* tasks, Outcome outcome) noexcept = nullptr;
};

}  // namespace v0
}  // namespace resume
