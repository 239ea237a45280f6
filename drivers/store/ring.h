// The store's ring as bytes: what is in the shared page is the other side's word and is checked at
// every use. Knows nothing of messages.
#pragma once

#include "drivers/event_channels/event_channels.h"

// Its index type is of xen/io/xs_wire.h.
struct xenstore_domain_interface;

namespace resume {
inline namespace v0 {

class StoreRing {
  public:
    /// `page` of the other side too; re-attached when the page moves.
    void attach(xenstore_domain_interface* page) noexcept { page_ = page; }
    [[nodiscard]] bool attached() const noexcept { return page_ != nullptr; }

    /// Both copy as much as fits or is there, publish the index after the bytes, and return the
    /// number of bytes. malformed when the other side's index cannot be right.
    Result<uint32_t> put(const char* bytes, uint32_t size) noexcept;
    Result<uint32_t> take(char* bytes, uint32_t size) noexcept;

    /// Bytes of requests that the daemon has not taken yet; malformed as above.
    Result<uint32_t> unsent() const noexcept;
    /// A new connection: what is in the response ring belongs to the old one and is dropped.
    void drop_responses() noexcept;

  private:
    xenstore_domain_interface* page_ = nullptr;
};

}  // namespace v0
}  // namespace resume
