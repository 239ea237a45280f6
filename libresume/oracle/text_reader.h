// Reads traces in our own text format (libresume/trace_text.h) out of a stream of lines that may
// hold anything else: a serial console, a log. The text is untrusted: everything is bounded, and
// the first thing wrong with it is named by line and cause.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "libresume/oracle/trace_view.h"

namespace resume::oracle {

struct ReadError {
    uint64_t line = 0;
    std::string cause;
};

struct TextLimits {
    size_t events = 4U << 20;  ///< 128 MiB of them
    size_t devices = 1U << 16;
    size_t links = 1U << 18;
    uint32_t vcpus = 4096;
};

class TextReader {
  public:
    explicit TextReader(TextLimits limits = {}) : limits_{limits} {}

    /// Takes one line without its newline; true when it was one of ours (also when malformed).
    bool line(std::string_view text, uint64_t number);

    /// Ends the input: what stands open is a truncated trace. The traces in their order; pieces
    /// of one history (`part` 1, 2, ...) are one trace.
    [[nodiscard]] std::vector<TraceView> finish();

    [[nodiscard]] const std::optional<ReadError>& error() const { return error_; }

  private:
    class Words;

    bool fail(uint64_t line, std::string cause);
    void begin_trace(uint64_t line);
    void end_trace(bool truncated);
    bool head(std::string_view word, Words& words, uint64_t line);
    bool device(Words& words, uint64_t line);
    bool link(Words& words, uint64_t line);
    bool event(Words& words, uint64_t line);
    bool end(Words& words, uint64_t line);

    TextLimits limits_;
    std::optional<ReadError> error_;
    std::vector<TraceView> traces_;
    std::optional<TraceView> open_;
    size_t event_count_ = 0;
    size_t link_count_ = 0;
};

}  // namespace resume::oracle
