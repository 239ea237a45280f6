#include "libresume/trace_text.h"

#include "libresume/assert.h"

namespace resume {
inline namespace v0 {
namespace {

/// Appends words to one line; what does not fit is cut, the newline always fits.
class Line {
  public:
    Line(char* buffer, uint32_t size) noexcept : buffer_{buffer}, room_{size - 1} { put("lrt"); }

    Line& word(const char* text) noexcept {
        put(" ");
        return put(text);
    }

    /// A word from outside: nothing in it may look like a separator.
    Line& name(const char* text) noexcept {
        put(" ");
        const uint32_t start = used_;
        for (; *text != '\0'; ++text) {
            put(*text > ' ' && *text < 0x7f ? *text : '_');
        }
        if (used_ == start) {
            put('_');
        }
        return *this;
    }

    Line& number(uint64_t value) noexcept {
        put(" ");
        char digits[20];
        uint32_t count = 0;
        do {
            digits[count++] = static_cast<char>('0' + value % 10);
            value /= 10;
        } while (value != 0);
        while (count > 0) {
            put(digits[--count]);
        }
        return *this;
    }

    Line& signed_number(int64_t value) noexcept {
        if (value >= 0) {
            return number(static_cast<uint64_t>(value));
        }
        number(0 - static_cast<uint64_t>(value));
        return insert_minus();
    }

    Line& hex(uint64_t value) noexcept {
        put(" 0x");
        int shift = 60;
        while (shift > 0 && (value >> shift) == 0) {
            shift -= 4;
        }
        for (; shift >= 0; shift -= 4) {
            put("0123456789abcdef"[(value >> shift) & 0xf]);
        }
        return *this;
    }

    uint32_t finish() noexcept {
        buffer_[used_++] = '\n';
        return used_;
    }

  private:
    void put(char letter) noexcept {
        if (used_ < room_) {
            buffer_[used_++] = letter;
        }
    }

    Line& put(const char* text) noexcept {
        while (*text != '\0') {
            put(*text++);
        }
        return *this;
    }

    /// Puts the sign in front of the number just written, behind its blank.
    Line& insert_minus() noexcept {
        put('0');
        uint32_t at = used_ - 1;
        for (; buffer_[at - 1] != ' '; --at) {
            buffer_[at] = buffer_[at - 1];
        }
        buffer_[at] = '-';
        return *this;
    }

    char* buffer_;
    uint32_t room_;
    uint32_t used_ = 0;
};

void write_event(Line& line, const TraceEvent& event) noexcept {
    line.word("event")
        .number(event.ticks)
        .number(event.cpu)
        .word(name_of(event.witness))
        .word(name_of(event.kind))
        .number(event.device)
        .word(name_of(event.phase))
        .signed_number(event.status)
        .hex(event.arg32)
        .hex(event.arg64);
}

void write_sights(Line& line, Sight sights) noexcept {
    line.word("sights");
    if (has(sights, Sight::platform)) {
        line.word("platform");
    }
    if (has(sights, Sight::hypercalls)) {
        line.word("hypercalls");
    }
    if (has(sights, Sight::store)) {
        line.word("store");
    }
}

}  // namespace

uint32_t TraceTextWriter::next(char* buffer, uint32_t size) noexcept {
    RESUME_ASSERT(size >= kTraceTextLine);
    if (part_ == Part::device && index_ >= info_->device_count) {
        part_ = Part::link;
        index_ = 0;
    }
    if (part_ == Part::link && index_ >= info_->link_count) {
        part_ = Part::event;
        index_ = 0;
    }
    if (part_ == Part::event && index_ >= trace_->size()) {
        part_ = Part::end;
    }
    if (part_ == Part::done) {
        return 0;
    }
    Line line{buffer, kTraceTextLine};
    auto following = static_cast<Part>(static_cast<uint8_t>(part_) + 1);
    switch (part_) {
        case Part::title:
            line.word("libresume-trace").number(1);
            break;
        case Part::frequency:
            line.word("frequency").number(info_->frequency);
            break;
        case Part::guest:
            line.word("guest").name(info_->guest).word("vcpus").number(info_->vcpus);
            break;
        case Part::sights:
            write_sights(line, info_->sights);
            break;
        case Part::part:
            line.word("part").number(info_->part);
            break;
        case Part::lost:
            line.word("lost").number(trace_->lost() + info_->lost);
            break;
        case Part::device: {
            const TraceDevice& row = info_->devices[index_++];
            line.word("device").number(row.id).number(row.parent).word(name_of(row.rank));
            line.name(row.name);
            following = part_;
            break;
        }
        case Part::link: {
            const TraceLink& row = info_->links[index_++];
            line.word("link").number(row.consumer).number(row.supplier);
            following = part_;
            break;
        }
        case Part::event:
            write_event(line, trace_->at(index_++));
            following = part_;
            break;
        case Part::end:
            line.word("end").number(trace_->size());
            break;
        case Part::done:
            break;
    }
    part_ = following;
    return line.finish();
}

}  // namespace v0
}  // namespace resume
