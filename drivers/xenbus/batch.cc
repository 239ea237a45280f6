#include "drivers/xenbus/batch.h"

// Uses fixed-width types without including them.
#include <xen/io/xs_wire.h>

#include "drivers/support/text.h"

namespace resume {
inline namespace v0 {

StoreBatch::Row* StoreBatch::next_row(uint32_t type, const char* directory,
                                      const char* name) noexcept {
    RESUME_ASSERT(waiting_ == 0);
    if (count_ == kRows) {
        error_ = {.code = Errc::no_space};
        return nullptr;
    }
    Row& row = rows_[count_];
    TextBuilder path{row.path, kPathMax};
    path.add(directory).add("/").add(name);
    if (!path.complete()) {
        error_ = {.code = Errc::no_space};
        return nullptr;
    }
    ++count_;
    row.batch = this;
    row.number = nullptr;
    row.tries = 0;
    StoreRequest& request = row.request;
    request.type = type;
    request.head = row.path;
    request.head_size = path.size() + 1;
    request.tail = nullptr;
    request.tail_size = 0;
    request.reply = nullptr;
    request.reply_capacity = 0;
    request.completed = &StoreBatch::on_answer;
    request.argument = &row;
    return &row;
}

void StoreBatch::read(const char* directory, const char* name, uint32_t* value,
                      uint32_t fallback) noexcept {
    *value = fallback;
    if (Row* row = next_row(XS_READ, directory, name); row != nullptr) {
        row->number = value;
        row->fallback = fallback;
        row->request.reply = row->value;
        row->request.reply_capacity = kValueMax;
    }
}

void StoreBatch::read_text(const char* directory, const char* name, char* text,
                           uint32_t capacity) noexcept {
    text[0] = '\0';
    if (Row* row = next_row(XS_READ, directory, name); row != nullptr) {
        row->request.reply = text;
        row->request.reply_capacity = capacity;
    }
}

void StoreBatch::write(const char* directory, const char* name, uint64_t value) noexcept {
    if (Row* row = next_row(XS_WRITE, directory, name); row != nullptr) {
        TextBuilder number{row->value, kValueMax};
        number.add(value);
        row->request.tail = row->value;
        row->request.tail_size = number.size();
    }
}

void StoreBatch::write_text(const char* directory, const char* name, const char* text) noexcept {
    if (Row* row = next_row(XS_WRITE, directory, name); row != nullptr) {
        row->request.tail = text;
        row->request.tail_size = text_length(text);
    }
}

Result<> StoreBatch::send(Done done, void* argument) noexcept {
    RESUME_ASSERT(waiting_ == 0 && count_ != 0);
    const Error refused = error_;
    if (refused.code != Errc::none) {
        begin_again();
        return refused;
    }
    done_ = done;
    argument_ = argument;
    for (uint32_t i = 0; i < count_; ++i) {
        const Result<> sent = store_.submit(rows_[i].request);
        if (!sent.ok()) {
            cancel();
            return sent;
        }
        ++waiting_;
    }
    return {};
}

void StoreBatch::cancel() noexcept {
    for (Row& row : rows_) {
        store_.cancel(row.request);
    }
    begin_again();
}

void StoreBatch::begin_again() noexcept {
    count_ = 0;
    waiting_ = 0;
    error_ = {};
}

void StoreBatch::on_answer(void* argument, StoreRequest&) noexcept {
    Row& row = *static_cast<Row*>(argument);
    row.batch->finish(row);
}

void StoreBatch::finish(Row& row) noexcept {
    const StoreRequest& request = row.request;
    const bool alone = request.type == XS_READ || count_ == 1;
    const bool repeat = alone && request.error.code == Errc::again;
    if (repeat && row.tries++ < kMostTries && store_.submit(row.request).ok()) {
        return;
    }
    const bool missing = request.type == XS_READ && request.error.code == Errc::not_found;
    if (request.error.code != Errc::none && !missing) {
        error_ = error_.code == Errc::none ? request.error : error_;
    } else if (row.number != nullptr && !missing) {
        const bool fits = request.reply_size <= kValueMax;
        const Result<uint32_t> number =
            fits ? parse_store_number(row.value, request.reply_size) : Errc::malformed;
        *row.number = number.ok() ? number.value() : row.fallback;
    } else if (missing && row.number == nullptr) {
        request.reply[0] = '\0';
    } else if (row.number == nullptr && request.type == XS_READ &&
               request.reply_size >= request.reply_capacity) {
        request.reply[0] = '\0';  // cut off: not the text that was meant
    }
    if (--waiting_ == 0) {
        const Error error = error_;
        begin_again();
        done_(argument_, error);
    }
}

}  // namespace v0
}  // namespace resume
