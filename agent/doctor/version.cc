#include "agent/doctor/version.h"

#include <algorithm>
#include <charconv>
#include <utility>

namespace resume::agent::doctor {
namespace {

bool digit(char c) {
    return c >= '0' && c <= '9';
}
bool letter(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

std::string_view take_while(std::string_view& text, bool (*belongs)(char)) {
    size_t length = 0;
    while (length < text.size() && belongs(text[length])) {
        ++length;
    }
    const std::string_view taken = text.substr(0, length);
    text.remove_prefix(length);
    return taken;
}

// Numbers of any length, so no conversion: more digits is more, once leading zeros are gone.
int compare_digits(std::string_view left, std::string_view right) {
    left.remove_prefix(std::min(left.find_first_not_of('0'), left.size()));
    right.remove_prefix(std::min(right.find_first_not_of('0'), right.size()));
    if (left.size() != right.size()) {
        return left.size() < right.size() ? -1 : 1;
    }
    return left.compare(right);
}

bool starts_with(std::string_view text, char c) {
    return !text.empty() && text.front() == c;
}

// One step of rpm's walk for the marks that have an order of their own; nothing if none is there.
std::optional<int> compare_mark(std::string_view& left, std::string_view& right, char mark) {
    if (!starts_with(left, mark) && !starts_with(right, mark)) {
        return std::nullopt;
    }
    const bool tilde = mark == '~';
    if (!starts_with(left, mark)) {
        return tilde || !left.empty() ? 1 : -1;
    }
    if (!starts_with(right, mark)) {
        return tilde || !right.empty() ? -1 : 1;
    }
    left.remove_prefix(1);
    right.remove_prefix(1);
    return 0;
}

int compare_rpm_segment(std::string_view& left, std::string_view& right) {
    const bool numeric = digit(left.front());
    const auto mine = take_while(left, numeric ? digit : letter);
    const auto other = take_while(right, numeric ? digit : letter);
    if (other.empty()) {
        return numeric ? 1 : -1;  // a number is newer than letters
    }
    return numeric ? compare_digits(mine, other) : mine.compare(other);
}

struct Evr {
    std::string_view epoch = "0";
    std::string_view version;
    std::string_view release;
};

Evr split(std::string_view text, bool last_dash) {
    Evr parts;
    if (const auto colon = text.find(':'); colon != text.npos) {
        parts.epoch = text.substr(0, colon);
        text.remove_prefix(colon + 1);
    }
    const auto dash = last_dash ? text.rfind('-') : text.find('-');
    parts.version = text.substr(0, dash);
    parts.release = dash == text.npos ? std::string_view{} : text.substr(dash + 1);
    return parts;
}

// Debian: "~" sorts before the end, the end before letters, letters before everything else.
int debian_weight(std::string_view text) {
    if (text.empty() || digit(text.front())) {
        return 0;
    }
    const char c = text.front();
    return c == '~' ? -1 : letter(c) ? c : c + 256;
}

int compare_debian_part(std::string_view left, std::string_view right) {
    while (!left.empty() || !right.empty()) {
        while ((!left.empty() && !digit(left.front())) ||
               (!right.empty() && !digit(right.front()))) {
            const int mine = debian_weight(left);
            const int other = debian_weight(right);
            if (mine != other) {
                return mine - other;
            }
            left.remove_prefix(1);
            right.remove_prefix(1);
        }
        if (const int order = compare_digits(take_while(left, digit), take_while(right, digit))) {
            return order;
        }
    }
    return 0;
}

std::optional<int> parse_number(std::string_view text) {
    int value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (text.empty() || error != std::errc{} || end != text.data() + text.size() || value < 0 ||
        value > (1 << 30)) {
        return std::nullopt;
    }
    return value;
}

size_t branch_length(const Version& version) {
    const bool old_linux = version.numbers.size() >= 2 && version.numbers[0] == 2;
    return old_linux ? 3 : 2;
}

int number_at(const Version& version, size_t index) {
    return index < version.numbers.size() ? version.numbers[index] : 0;
}

}  // namespace

int compare_rpm(std::string_view left, std::string_view right) {
    const auto separator = [](char c) { return !digit(c) && !letter(c) && c != '~' && c != '^'; };
    while (!left.empty() || !right.empty()) {
        take_while(left, +separator);
        take_while(right, +separator);
        bool marked = false;
        for (const char mark : {'~', '^'}) {
            if (const auto order = compare_mark(left, right, mark)) {
                if (*order != 0) {
                    return *order;
                }
                marked = true;
                break;
            }
        }
        if (marked) {
            continue;
        }
        if (left.empty() || right.empty()) {
            break;
        }
        if (const int order = compare_rpm_segment(left, right)) {
            return order;
        }
    }
    return left.empty() ? (right.empty() ? 0 : -1) : 1;
}

int compare_rpm_evr(std::string_view left, std::string_view right) {
    const Evr mine = split(left, false);
    const Evr other = split(right, false);
    if (const int order = compare_digits(mine.epoch, other.epoch)) {
        return order;
    }
    if (const int order = compare_rpm(mine.version, other.version)) {
        return order;
    }
    return mine.release.empty() || other.release.empty() ? 0
                                                         : compare_rpm(mine.release, other.release);
}

int compare_debian(std::string_view left, std::string_view right) {
    const Evr mine = split(left, true);
    const Evr other = split(right, true);
    if (const int order = compare_digits(mine.epoch, other.epoch)) {
        return order;
    }
    if (const int order = compare_debian_part(mine.version, other.version)) {
        return order;
    }
    return compare_debian_part(mine.release, other.release);
}

std::optional<Version> parse_version(std::string_view text) {
    Version version;
    for (const std::string_view mark : {"-rc", "~rc"}) {
        if (const auto at = text.find(mark); at != text.npos) {
            version.candidate = parse_number(text.substr(at + mark.size()));
            if (!version.candidate) {
                return std::nullopt;
            }
            text = text.substr(0, at);
        }
    }
    std::optional<int> patch_level;  // FreeBSD's -pN counts as a third number
    if (const auto at = text.find("-p"); at != text.npos) {
        patch_level = parse_number(text.substr(at + 2));
        if (!patch_level) {
            return std::nullopt;
        }
        text = text.substr(0, at);
    }
    while (true) {
        const auto dot = text.find('.');
        const auto number = parse_number(text.substr(0, dot));
        if (!number || version.numbers.size() == 8) {
            return std::nullopt;
        }
        version.numbers.push_back(*number);
        if (dot == text.npos) {
            break;
        }
        text.remove_prefix(dot + 1);
    }
    if (patch_level) {
        version.numbers.resize(2);
        version.numbers.push_back(*patch_level);
    }
    return version;
}

std::string to_string(const Version& version) {
    std::string text;
    for (const int number : version.numbers) {
        text += (text.empty() ? "" : ".") + std::to_string(number);
    }
    return version.candidate ? text + "-rc" + std::to_string(*version.candidate) : text;
}

int compare(const Version& left, const Version& right) {
    const size_t length = std::max(left.numbers.size(), right.numbers.size());
    for (size_t i = 0; i < length; ++i) {
        if (const int order = number_at(left, i) - number_at(right, i)) {
            return order;
        }
    }
    if (left.candidate && right.candidate) {
        return *left.candidate - *right.candidate;
    }
    return left.candidate ? -1 : right.candidate ? 1 : 0;
}

bool same_branch(const Version& left, const Version& right) {
    const size_t length = branch_length(left);
    for (size_t i = 0; i < length; ++i) {
        if (number_at(left, i) != number_at(right, i)) {
            return false;
        }
    }
    return length == branch_length(right);
}

bool reached(const std::vector<Version>& points, const Version& version) {
    if (points.empty()) {
        return false;
    }
    const auto older = [](const Version& a, const Version& b) { return compare(a, b) < 0; };
    const Version& main_line = *std::max_element(points.begin(), points.end(), older);
    if (compare(version, main_line) >= 0) {
        return true;
    }
    return std::any_of(points.begin(), points.end(), [&](const Version& point) {
        return same_branch(point, version) && compare(version, point) >= 0;
    });
}

}  // namespace resume::agent::doctor
