// What a user of a disk hands in: a node of its own memory, borrowed until `completed`.
#pragma once

#include <boost/intrusive/list.hpp>

#include "libresume/result.h"

namespace resume {
inline namespace v0 {

struct BlockRequest {
    enum class Operation : uint8_t { read, write, flush };

    BlockRequest() noexcept = default;
    BlockRequest(const BlockRequest&) = delete;
    BlockRequest& operator=(const BlockRequest&) = delete;
    /// Not while it is handed in; asserted.
    ~BlockRequest() { RESUME_ASSERT(!accepted); }

    // Filled by the user.
    Operation operation = Operation::read;
    uint64_t sector = 0;   ///< in units of 512 bytes, whatever the disk's own sector is
    uint32_t sectors = 0;  ///< 0 for a flush
    char* data = nullptr;  ///< aligned to 512 bytes, contiguous in guest-virtual memory
    /// Thread context, CPU 0; exactly once for each request that submit() took. io when the backend
    /// failed it, gone when the disk was taken away. May hand it in again.
    void (*completed)(void* argument, BlockRequest& request, Errc result) noexcept = nullptr;
    void* argument = nullptr;

    // The driver's.
    bool accepted = false;
    bool failed = false;
    uint64_t serial = 0;
    uint32_t issued = 0;  ///< sectors that are on a ring or were
    uint32_t parts = 0;   ///< on a ring now
    boost::intrusive::list_member_hook<> hook{};
};

using BlockRequests = boost::intrusive::list<
    BlockRequest,
    boost::intrusive::member_hook<BlockRequest, decltype(BlockRequest::hook), &BlockRequest::hook>,
    boost::intrusive::constant_time_size<false>>;

}  // namespace v0
}  // namespace resume
