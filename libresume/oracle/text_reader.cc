#include "libresume/oracle/text_reader.h"

#include <charconv>
#include <iterator>

namespace resume::oracle {
namespace {

constexpr std::string_view kMarker = "lrt ";
constexpr std::string_view kWords[] = {
    "libresume-trace", "frequency", "guest", "sights", "part", "lost",
    "device",          "link",      "event", "end"};

bool is_our_word(std::string_view rest) {
    for (const std::string_view word : kWords) {
        if (rest.substr(0, word.size()) == word &&
            (rest.size() == word.size() || rest[word.size()] == ' ')) {
            return true;
        }
    }
    return false;
}

/// What stands behind the marker, or nothing. A console may have put a prefix in front of it.
std::optional<std::string_view> ours(std::string_view text) {
    while (!text.empty() && (text.back() == '\r' || text.back() == ' ')) {
        text.remove_suffix(1);
    }
    for (size_t at = text.find(kMarker); at != text.npos; at = text.find(kMarker, at + 1)) {
        const std::string_view rest = text.substr(at + kMarker.size());
        if (at == 0 || ((text[at - 1] == ' ' || text[at - 1] == ']') && is_our_word(rest))) {
            return rest;
        }
    }
    return std::nullopt;
}

template <class Enum>
std::optional<Enum> by_name(std::string_view name, unsigned count) {
    for (unsigned i = 0; i < count; ++i) {
        const auto value = static_cast<Enum>(i);
        if (name == name_of(value)) {
            return value;
        }
    }
    return std::nullopt;
}

constexpr unsigned kRankCount = static_cast<unsigned>(SystemRank::other) + 1;
constexpr unsigned kWitnessCount = static_cast<unsigned>(Witness::other_side) + 1;

}  // namespace

/// Splits at blanks and reads numbers; remembers the first thing wrong.
class TextReader::Words {
  public:
    explicit Words(std::string_view text) : rest_{text} {}

    std::string_view next() {
        while (!rest_.empty() && rest_.front() == ' ') {
            rest_.remove_prefix(1);
        }
        const std::string_view word = rest_.substr(0, rest_.find(' '));
        rest_.remove_prefix(word.size());
        return word;
    }

    template <class Number>
    Number number(const char* what, int base = 10) {
        std::string_view word = next();
        if (base == 16 && word.substr(0, 2) == "0x") {
            word.remove_prefix(2);
        }
        Number value{};
        const auto [end, error] =
            std::from_chars(word.data(), word.data() + word.size(), value, base);
        if (word.empty() || error != std::errc{} || end != word.data() + word.size()) {
            complain(std::string{what} + " is not a number that fits: '" + shown(word) + "'");
        }
        return value;
    }

    template <class Enum>
    Enum name(const char* what, unsigned count) {
        const std::string_view word = next();
        const auto value = by_name<Enum>(word, count);
        if (!value) {
            complain(std::string{"unknown "} + what + " '" + shown(word) + "'");
        }
        return value.value_or(Enum{});
    }

    void complain(std::string cause) {
        if (!cause_) {
            cause_ = std::move(cause);
        }
    }

    bool done() {
        if (!next().empty()) {
            complain("more words than the line should have");
        }
        return !cause_;
    }

    [[nodiscard]] const std::string& cause() const { return *cause_; }

    /// Part of the input for a message: short and printable.
    static std::string shown(std::string_view word) {
        std::string out{word.substr(0, 40)};
        for (char& letter : out) {
            letter = letter >= ' ' && letter < 0x7f ? letter : '?';
        }
        return out;
    }

  private:
    std::string_view rest_;
    std::optional<std::string> cause_;
};

bool TextReader::fail(uint64_t line, std::string cause) {
    if (!error_) {
        error_ = ReadError{line, std::move(cause)};
    }
    return true;
}

void TextReader::begin_trace(uint64_t line) {
    if (open_) {
        end_trace(true);
    }
    open_.emplace();
    open_->first_line = line;
}

void TextReader::end_trace(bool truncated) {
    TraceView piece = std::move(*open_);
    open_.reset();
    piece.truncated = truncated;
    if (piece.part > 1 && !traces_.empty() && traces_.back().part == piece.part - 1 &&
        !traces_.back().truncated && traces_.back().guest == piece.guest) {
        TraceView& whole = traces_.back();
        std::move(piece.events.begin(), piece.events.end(), std::back_inserter(whole.events));
        whole.devices.merge(piece.devices);
        whole.lost += piece.lost;
        whole.part = piece.part;
        whole.truncated = truncated;
        return;
    }
    traces_.push_back(std::move(piece));
}

bool TextReader::head(std::string_view word, Words& words, uint64_t line) {
    TraceView& view = *open_;
    if (word == "frequency") {
        view.frequency = words.number<uint64_t>("frequency");
    } else if (word == "guest") {
        view.guest = words.next();
        if (words.next() != "vcpus") {
            words.complain("'guest NAME vcpus N' expected");
        }
        view.vcpus = words.number<uint32_t>("vcpus");
        if (view.vcpus == 0 || view.vcpus > limits_.vcpus) {
            words.complain("vcpus is out of range");
        }
    } else if (word == "sights") {
        for (std::string_view name = words.next(); !name.empty(); name = words.next()) {
            if (name == "platform") {
                view.sights = view.sights | Sight::platform;
            } else if (name == "hypercalls") {
                view.sights = view.sights | Sight::hypercalls;
            } else if (name == "store") {
                view.sights = view.sights | Sight::store;
            } else {
                words.complain("unknown sight '" + Words::shown(name) + "'");
            }
        }
    } else if (word == "part") {
        view.part = words.number<uint32_t>("part");
    } else if (word == "lost") {
        view.lost = words.number<uint64_t>("lost");
    } else {
        words.complain("unknown line '" + Words::shown(word) + "'");
    }
    return words.done() || fail(line, words.cause());
}

bool TextReader::device(Words& words, uint64_t line) {
    const auto id = words.number<DeviceId>("device id");
    DeviceInfo info;
    info.parent = words.number<DeviceId>("parent id");
    info.rank = words.name<SystemRank>("rank", kRankCount);
    info.name = Words::shown(words.next());
    if (!words.done()) {
        return fail(line, words.cause());
    }
    if (open_->devices.size() >= limits_.devices) {
        return fail(line, "more devices than the reader takes");
    }
    if (!open_->devices.emplace(id, std::move(info)).second) {
        return fail(line, "device " + std::to_string(id) + " stands in the table twice");
    }
    return true;
}

bool TextReader::link(Words& words, uint64_t line) {
    const auto consumer = words.number<DeviceId>("consumer id");
    const auto supplier = words.number<DeviceId>("supplier id");
    if (!words.done()) {
        return fail(line, words.cause());
    }
    const auto found = open_->devices.find(consumer);
    if (found == open_->devices.end()) {
        return fail(line,
                    "a link of device " + std::to_string(consumer) + ", which is not in the table");
    }
    if (++link_count_ > limits_.links) {
        return fail(line, "more links than the reader takes");
    }
    found->second.suppliers.push_back(supplier);
    return true;
}

bool TextReader::event(Words& words, uint64_t line) {
    TraceEvent event;
    event.ticks = words.number<uint64_t>("ticks");
    event.cpu = words.number<uint8_t>("cpu");
    event.witness = words.name<Witness>("witness", kWitnessCount);
    event.kind = words.name<EventKind>("event kind", kEventKindCount);
    event.device = words.number<DeviceId>("device");
    event.phase = words.name<Phase>("phase", kPhaseCount);
    event.status = words.number<int32_t>("status");
    event.arg32 = words.number<uint32_t>("arg32", 16);
    event.arg64 = words.number<uint64_t>("arg64", 16);
    if (!words.done()) {
        return fail(line, words.cause());
    }
    if (++event_count_ > limits_.events) {
        return fail(line, "more events than the reader takes");
    }
    open_->events.push_back(event);
    return true;
}

bool TextReader::end(Words& words, uint64_t line) {
    const auto count = words.number<uint64_t>("count of events");
    if (!words.done()) {
        return fail(line, words.cause());
    }
    if (count != open_->events.size()) {
        return fail(line, "the trace has " + std::to_string(open_->events.size()) +
                              " events where its last line says " + std::to_string(count));
    }
    end_trace(false);
    return true;
}

bool TextReader::line(std::string_view text, uint64_t number) {
    const auto rest = ours(text);
    if (!rest) {
        return false;
    }
    if (error_) {
        return true;
    }
    Words words{*rest};
    const std::string_view word = words.next();
    if (word == "libresume-trace") {
        if (words.number<uint32_t>("version") != 1) {
            words.complain("this version of the format is not known here");
        }
        if (!words.done()) {
            return fail(number, words.cause());
        }
        begin_trace(number);
        return true;
    }
    if (!open_) {
        return fail(number, "'" + Words::shown(word) + "' before the line 'libresume-trace 1'");
    }
    if (word == "event") {
        return event(words, number);
    }
    if (word == "device") {
        return device(words, number);
    }
    if (word == "link") {
        return link(words, number);
    }
    if (word == "end") {
        return end(words, number);
    }
    head(word, words, number);
    return true;
}

std::vector<TraceView> TextReader::finish() {
    if (open_) {
        end_trace(true);
    }
    for (TraceView& view : traces_) {
        view.learn_devices();
    }
    return std::move(traces_);
}

}  // namespace resume::oracle
