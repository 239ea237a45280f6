// The trace as text, one line at a time into a buffer of the caller's: what a kernel prints on a
// serial console and `resumectl verify` reads. No allocation, no locks, any context.
//
//   lrt libresume-trace 1
//   lrt frequency HZ                  of TraceEvent::ticks; 0 when not known
//   lrt guest NAME vcpus N
//   lrt sights [platform] [hypercalls] [store]   what Witness::other_side saw for itself
//   lrt part N                        the Nth piece of one history (1 = from boot); 0 stands alone
//   lrt lost N                        events overwritten: more than 0 makes a verdict inconclusive
//   lrt device ID PARENT RANK NAME
//   lrt link CONSUMER SUPPLIER
//   lrt event TICKS CPU WITNESS KIND DEVICE PHASE STATUS ARG32 ARG64
//   lrt end EVENTS
//
// Each line begins with `lrt`, so a reader finds ours among the lines of a shared console, whatever
// stands in front. ARG32 and ARG64 are hexadecimal, the rest decimal.
#pragma once

#include <stdint.h>

#include "libresume/trace.h"

namespace resume {
inline namespace v0 {

/// One row of the device table.
struct TraceDevice {
    DeviceId id = kNoDevice;
    DeviceId parent = kNoDevice;
    SystemRank rank = SystemRank::none;
    const char* name = "";  ///< blanks and unprintable bytes are written as '_'
};

/// A consumer needs its supplier: down before it, up after it.
struct TraceLink {
    DeviceId consumer = kNoDevice;
    DeviceId supplier = kNoDevice;
};

/// What stands in the head of the text; every pointer is borrowed while the writer lives.
struct TraceTextInfo {
    uint64_t frequency = 0;  ///< ticks a second
    const char* guest = "?";
    uint32_t vcpus = 1;
    Sight sights = Sight::none;
    /// A history longer than the ring is written in pieces, each cleared after it: 1, 2, 3 ... in
    /// one file, which the reader joins. 0: stands alone.
    uint32_t part = 0;
    /// Events lost before they came into this ring (rings of several CPUs merged into one).
    uint64_t lost = 0;
    const TraceDevice* devices = nullptr;
    uint32_t device_count = 0;
    const TraceLink* links = nullptr;
    uint32_t link_count = 0;
};

/// A line never has more bytes than this, its newline counted; longer names are cut.
inline constexpr uint32_t kTraceTextLine = 192;

/// Writes a trace line by line. The trace must not be written to meanwhile.
class TraceTextWriter {
  public:
    TraceTextWriter(const Trace& trace, const TraceTextInfo& info) noexcept
        : trace_{&trace}, info_{&info} {}

    /// Writes the next line with its newline, no terminating zero; `size` >= kTraceTextLine.
    /// Returns its length in bytes, 0 when all is written.
    [[nodiscard]] uint32_t next(char* buffer, uint32_t size) noexcept;

  private:
    enum class Part : uint8_t {
        title,
        frequency,
        guest,
        sights,
        part,
        lost,
        device,
        link,
        event,
        end,
        done
    };

    const Trace* trace_;
    const TraceTextInfo* info_;
    Part part_ = Part::title;
    uint32_t index_ = 0;
};

}  // namespace v0
}  // namespace resume
