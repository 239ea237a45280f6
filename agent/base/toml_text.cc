#include "agent/base/toml_text.h"

namespace resume::agent {
namespace {

constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";

/// Walks over a TOML text by its strings and comments alone. Where the text is broken it takes the
/// stricter way: a string on one line ends with its line, as toml++ gives up there, and a quote in
/// the middle of a bare word opens none, as toml++ looks ahead over the whole word.
class Walker {
  public:
    explicit Walker(std::string_view text) noexcept : text_{text} {}

    std::optional<uint32_t> bare_non_ascii() noexcept {
        if (text_.starts_with(kByteOrderMark)) {
            at_ = kByteOrderMark.size();
        }
        while (at_ < text_.size()) {
            const char c = text_[at_];
            if ((c == '"' || c == '\'') && may_begin_string()) {
                skip_string(c);
                last_ = c;
            } else if (c == '#') {
                skip_comment();
            } else if (static_cast<unsigned char>(c) >= 0x80) {
                return line_;
            } else {
                step();
            }
        }
        return std::nullopt;
    }

  private:
    void step() noexcept {
        const char c = text_[at_++];
        line_ += c == '\n' ? 1 : 0;
        last_ = c == ' ' || c == '\t' ? last_ : c;
    }

    /// At the start of a key or of a value.
    [[nodiscard]] bool may_begin_string() const noexcept {
        return std::string_view{"\n=[{,."}.find(last_) != std::string_view::npos;
    }

    void skip_comment() noexcept {
        while (at_ < text_.size() && text_[at_] != '\n') {
            ++at_;
        }
    }

    [[nodiscard]] bool three(char quote) const noexcept {
        const std::string_view here = text_.substr(at_, 3);
        return here.size() == 3 && here[0] == quote && here[1] == quote && here[2] == quote;
    }

    void skip_string(char quote) noexcept {
        const bool many_lines = three(quote);
        at_ += many_lines ? 3 : 1;
        while (at_ < text_.size()) {
            const char c = text_[at_];
            if (c == '\\' && quote == '"' && at_ + 1 < text_.size()) {
                step();
            } else if (!many_lines && (c == quote || c == '\n')) {
                at_ += c == quote ? 1 : 0;
                return;
            } else if (many_lines && three(quote)) {
                at_ += 3;
                // Up to two quotes before the closing three belong to the string.
                for (int more = 0; more < 2 && at_ < text_.size() && text_[at_] == quote; ++more) {
                    ++at_;
                }
                return;
            }
            step();
        }
    }

    std::string_view text_;
    size_t at_ = 0;
    uint32_t line_ = 1;
    char last_ = '\n';  ///< the last one that is no blank
};

}  // namespace

std::optional<uint32_t> line_of_bare_non_ascii(std::string_view text) noexcept {
    return Walker{text}.bare_non_ascii();
}

}  // namespace resume::agent
