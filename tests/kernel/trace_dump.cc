#include "tests/kernel/trace_dump.h"

#include "tests/kernel/line.h"
#include "tests/kernel/machine_state.h"
#include "tests/kernel/raw_console.h"

namespace kernel {
namespace {

constinit resume::TraceTextInfo* g_head = nullptr;

using Write = void (*)(const char* data, uint32_t size) noexcept;

/// Lines put together into blocks of the console's ring: xenconsoled looks at a ring a limited
/// number of times a second, however much it finds there.
class Blocks {
  public:
    explicit Blocks(Write write) noexcept : write_{write} {}

    void put(const char* data, uint32_t size) noexcept {
        if (used_ + size > sizeof(block_)) {
            flush();
        }
        __builtin_memcpy(block_ + used_, data, size);
        used_ += size;
    }
    void flush() noexcept {
        write_(block_, used_);
        used_ = 0;
    }

  private:
    Write write_;
    uint32_t used_ = 0;
    char block_[2048];
};
static_assert(resume::kTraceTextLine < 2048);

void write_piece(const resume::Trace& trace, const resume::TraceTextInfo& head,
                 Blocks& out) noexcept {
    char line[resume::kTraceTextLine];
    resume::TraceTextWriter writer{trace, head};
    for (uint32_t size = writer.next(line, sizeof(line)); size > 0;
         size = writer.next(line, sizeof(line))) {
        out.put(line, size);
    }
}

/// Each piece of the merged trace is a part of the one history; at least one, if it is empty.
void write_all(resume::TraceTextInfo& head, Write write) noexcept {
    Blocks out{write};
    out.put("TRACE-BEGIN\n", 12);
    head.lost = lost_events(g_machine.cpus);
    TraceMerge merge{g_machine.cpus};
    const resume::Trace* piece = &merge.next();
    do {
        ++head.part;
        write_piece(*piece, head, out);
        head.lost = 0;
        piece = &merge.next();
    } while (piece->size() > 0);
    out.put("TRACE-END\n", 10);
    out.flush();
}

void write_newest(uint32_t cpu, uint32_t count) noexcept {
    const resume::Trace& trace = trace_of_cpu(cpu);
    for (uint32_t i = trace.size() > count ? trace.size() - count : 0; i < trace.size(); ++i) {
        const resume::TraceEvent& event = trace.at(i);
        Line line;
        line.text("last cpu=").decimal(cpu).text(" ").text(name_of(event.kind));
        line.text(" device=").decimal(event.device).text(" phase=").text(name_of(event.phase));
        line.text(" s=").signed_decimal(event.status).text(" a=").hex(event.arg32);
        line.text(" b=").hex(event.arg64).end();
        debug_port_write(line.data(), line.size());
    }
}

}  // namespace

void set_trace_head(resume::TraceTextInfo* head) noexcept {
    g_head = head;
}

void dump_trace() noexcept {
    if (g_head != nullptr) {
        // Not by the console's driver: a trace must come out above all when a driver is broken.
        write_all(*g_head, raw_console_write);
        clear_traces(g_machine.cpus);
    }
}

void dump_trace_in_panic() noexcept {
    // What the debug port takes of it: the host's ring is small and shared.
    constexpr uint32_t kEventsOnDebugPort = 40;
    for (uint32_t cpu = 0; cpu < g_machine.cpus; ++cpu) {
        write_newest(cpu, cpu == 0 ? kEventsOnDebugPort : kEventsOnDebugPort / 8);
    }
    if (g_head != nullptr) {
        write_all(*g_head, raw_console_write);
    }
}

}  // namespace kernel
