#include "drivers/block/ledger.h"

#include "drivers/support/emit.h"

namespace resume {
inline namespace v0 {

Result<> BlockLedger::check(const BlockRequest& request) noexcept {
    RESUME_ASSERT(!request.accepted);
    const bool flush = request.operation == BlockRequest::Operation::flush;
    const bool aligned = reinterpret_cast<uintptr_t>(request.data) % kSectorSize == 0;
    if (flush ? request.sectors != 0
              : request.sectors == 0 || !aligned || request.data == nullptr) {
        return Errc::invalid;
    }
    return {};
}

void BlockLedger::accept(BlockRequest& request) noexcept {
    request.accepted = true;
    request.failed = false;
    request.serial = next_serial_++;
    request.issued = request.parts = 0;
    waiting_.push_back(request);
    emit(machine_, disk_.id(), EventKind::io_accepted, static_cast<uint32_t>(request.operation),
         request.serial);
}

void BlockLedger::finish_front(Errc result) noexcept {
    BlockRequest& request = waiting_.front();
    waiting_.pop_front();
    finish(request, result);
}

void BlockLedger::issued_part(uint32_t sectors) noexcept {
    BlockRequest& request = waiting_.front();
    request.issued += sectors;
    ++request.parts;
    if (request.issued == request.sectors) {
        waiting_.pop_front();
        issued_.push_back(request);
    }
}

void BlockLedger::finish_part(const BlockPart& part, bool good) noexcept {
    BlockRequest& request = *part.request;
    request.failed = request.failed || !good;
    --request.parts;
    const bool whole = request.issued == request.sectors && request.parts == 0;
    if (whole) {
        issued_.erase(issued_.iterator_to(request));
        finish(request, request.failed ? Errc::io : Errc::none);
    }
}

void BlockLedger::finish(BlockRequest& request, Errc result) noexcept {
    request.accepted = false;
    emit(machine_, disk_.id(), EventKind::io_completed, 0, request.serial,
         static_cast<int32_t>(result));
    if (request.completed != nullptr) {
        request.completed(request.argument, request, result);
    }
    if (idle()) {
        emit(machine_, disk_.id(), EventKind::io_idle);
    }
}

void BlockLedger::rewind_request(BlockRequest& request) noexcept {
    replayed_ += request.issued != 0 || request.parts != 0 ? 1 : 0;
    request.issued = request.parts = 0;
    request.failed = false;
}

void BlockLedger::rewind() noexcept {
    for (BlockRequest& request : issued_) {
        rewind_request(request);
    }
    for (BlockRequest& request : waiting_) {
        rewind_request(request);
    }
    waiting_.splice(waiting_.begin(), issued_);
}

void BlockLedger::fail_all(Errc why) noexcept {
    while (!issued_.empty()) {
        BlockRequest& request = issued_.front();
        issued_.pop_front();
        finish(request, why);
    }
    while (!waiting_.empty()) {
        finish_front(why);
    }
}

void BlockLedger::forget(BlockRequest& request) noexcept {
    if (request.issued == request.sectors && request.hook.is_linked()) {
        issued_.erase(issued_.iterator_to(request));
    }
}

}  // namespace v0
}  // namespace resume
