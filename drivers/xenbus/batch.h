// Several requests to the store at once, and one answer when all of them are through: a frontend's
// reads and writes cost a round trip a batch, not one each. Requests of one connection are carried
// out in the order in which they were sent (xenstored), so a state that is written last is seen
// after everything that it announces, without a transaction.
#pragma once

#include "drivers/store/store.h"

namespace resume {
inline namespace v0 {

class StoreBatch {
  public:
    explicit StoreBatch(Store& store) noexcept : store_{store} {}
    ~StoreBatch() { cancel(); }
    StoreBatch(const StoreBatch&) = delete;
    StoreBatch& operator=(const StoreBatch&) = delete;

    // Thread context, while !busy(); `directory` is an absolute or relative path and `name` a node
    // below it. A row too many, or a path too long, is an error of send().
    /// A decimal number; `fallback` when there is no such node or it is no number.
    void read(const char* directory, const char* name, uint32_t* value, uint32_t fallback) noexcept;
    /// A text of at most `capacity` - 1 bytes, empty when there is no such node.
    void read_text(const char* directory, const char* name, char* text, uint32_t capacity) noexcept;
    void write(const char* directory, const char* name, uint64_t value) noexcept;
    void write_text(const char* directory, const char* name, const char* text) noexcept;

    /// Hands all of them in; a read that the daemon asks to repeat (EAGAIN) is repeated, kMostTries
    /// times, and so is a write by itself; no other is, since what follows it may not overtake it.
    /// `done` is called from Store::pump() with the first error, which a missing node that was to
    /// be read is not. `gone` when a resume tore the connection.
    using Done = void (*)(void* argument, const Error& error) noexcept;
    Result<> send(Done done, void* argument) noexcept;
    /// At once, in any state; `done` is not called.
    void cancel() noexcept;
    [[nodiscard]] bool busy() const noexcept { return waiting_ != 0; }

    static constexpr uint32_t kRows = 24;
    static constexpr uint32_t kMostTries = 3;
    static constexpr uint32_t kPathMax = 128;
    static constexpr uint32_t kValueMax = 24;

  private:
    struct Row {
        StoreRequest request;
        StoreBatch* batch = nullptr;
        char path[kPathMax];
        char value[kValueMax];
        uint32_t* number = nullptr;
        uint32_t fallback = 0;
        uint32_t tries = 0;
    };

    Row* next_row(uint32_t type, const char* directory, const char* name) noexcept;
    void finish(Row& row) noexcept;
    void begin_again() noexcept;
    static void on_answer(void* row, StoreRequest& request) noexcept;

    Store& store_;
    Row rows_[kRows];
    uint32_t count_ = 0;
    uint32_t waiting_ = 0;
    Error error_{};
    Done done_ = nullptr;
    void* argument_ = nullptr;
};

}  // namespace v0
}  // namespace resume
