#include "drivers/model/store/message.h"

#include <algorithm>
#include <array>
#include <utility>

namespace resume::model {

namespace {

struct Word {
    int number;
    const char* word;
};
constexpr std::array<Word, 16> kWords{{{EINVAL, "EINVAL"},
                                       {EACCES, "EACCES"},
                                       {EEXIST, "EEXIST"},
                                       {EISDIR, "EISDIR"},
                                       {ENOENT, "ENOENT"},
                                       {ENOMEM, "ENOMEM"},
                                       {ENOSPC, "ENOSPC"},
                                       {EIO, "EIO"},
                                       {ENOTEMPTY, "ENOTEMPTY"},
                                       {ENOSYS, "ENOSYS"},
                                       {EROFS, "EROFS"},
                                       {EBUSY, "EBUSY"},
                                       {EAGAIN, "EAGAIN"},
                                       {EISCONN, "EISCONN"},
                                       {E2BIG, "E2BIG"},
                                       {EPERM, "EPERM"}}};

constexpr std::array<bool, 256> kPathCharacters = [] {
    std::array<bool, 256> allowed{};
    for (const char c : std::string_view{"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                         "0123456789-/_@"}) {
        allowed[static_cast<unsigned char>(c)] = true;
    }
    return allowed;
}();

bool path_character(char c) {
    return kPathCharacters[static_cast<unsigned char>(c)];
}

}  // namespace

const char* store_error_word(int number) noexcept {
    for (const Word& row : kWords) {
        if (row.number == number) {
            return row.word;
        }
    }
    return "EINVAL";
}

int store_error_number(std::string_view payload) noexcept {
    payload = payload.substr(0, payload.find('\0'));
    for (const Word& row : kWords) {
        if (payload == row.word) {
            return row.number;
        }
    }
    return EIO;
}

StoreWords words_of(std::string_view payload) {
    StoreWords words;
    while (!payload.empty()) {
        const std::size_t end = payload.find('\0');
        words.push_back(payload.substr(0, end));
        if (end == std::string_view::npos) {
            break;
        }
        payload.remove_prefix(end + 1);
    }
    return words;
}

std::vector<std::string> split_strings(std::string_view payload) {
    const StoreWords words = words_of(payload);
    return {words.begin(), words.end()};
}

bool valid_path(std::string_view path, bool watch) {
    constexpr std::size_t kAbsoluteMax = XENSTORE_ABS_PATH_MAX;
    constexpr std::size_t kRelativeMax = XENSTORE_REL_PATH_MAX;
    if (path.empty() || !std::all_of(path.begin(), path.end(), path_character)) {
        return false;
    }
    if (path.front() == '@') {
        return watch && path.find('/') == std::string_view::npos;
    }
    const bool absolute = path.front() == '/';
    if (path.size() > (absolute ? kAbsoluteMax : kRelativeMax)) {
        return false;
    }
    return path == "/" || (path.back() != '/' && path.find("//") == std::string_view::npos);
}

uint64_t token_hash(std::string_view token) noexcept {
    uint64_t hash = 0xcbf29ce484222325;
    for (const char c : token) {
        hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3;
    }
    return hash;
}

}  // namespace resume::model
