#include "agent/doctor/root.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <deque>

namespace resume::agent::doctor {
namespace {

namespace fs = std::filesystem;
constexpr size_t kLinksMax = 40;
constexpr size_t kNamesMax = 65536;

void push_front(std::deque<std::string>& parts, const fs::path& path) {
    std::vector<std::string> names;
    for (const auto& part : path.relative_path()) {
        names.push_back(part.string());
    }
    parts.insert(parts.begin(), names.begin(), names.end());
}

fs::path below(const fs::path& prefix, std::string_view path) {
    return prefix / fs::path{path}.relative_path();
}

}  // namespace

Root Root::within(std::string_view path) const {
    return Root{below(prefix_, path), live_};
}

// The kernel would follow an image's absolute links out of the image, so they are walked here.
std::optional<fs::path> Root::resolve(std::string_view path) const {
    std::error_code error;
    if (prefix_ == "/") {
        return fs::exists(path, error) ? std::optional{fs::path{path}} : std::nullopt;
    }
    std::deque<std::string> rest;
    push_front(rest, path);
    fs::path done;
    size_t links = 0;
    while (!rest.empty()) {
        const std::string part = rest.front();
        rest.pop_front();
        if (part.empty() || part == ".") {
            continue;
        }
        if (part == "..") {
            done = done.parent_path();
            continue;
        }
        const fs::path here = prefix_ / done / part;
        struct stat facts {};
        if (::lstat(here.c_str(), &facts) != 0) {
            return std::nullopt;
        }
        if (!S_ISLNK(facts.st_mode)) {
            done /= part;
            continue;
        }
        const fs::path target = fs::read_symlink(here, error);
        if (error || ++links > kLinksMax) {
            return std::nullopt;
        }
        if (target.is_absolute()) {
            done.clear();
        }
        push_front(rest, target);
    }
    return prefix_ / done;
}

Text Root::read(std::string_view path, size_t limit) const {
    const auto where = resolve(path);
    if (!where) {
        return {.text = {}, .error = errno == 0 ? ENOENT : errno};
    }
    const int fd = ::open(where->c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (fd < 0) {
        return {.text = {}, .error = errno};
    }
    Text result;
    char buffer[16384];
    while (result.text.size() <= limit) {
        const ssize_t got = ::read(fd, buffer, sizeof buffer);
        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got < 0) {
            result.error = errno;
        }
        if (got <= 0) {
            break;
        }
        result.text.append(buffer, static_cast<size_t>(got));
    }
    ::close(fd);
    if (result.text.size() > limit) {
        result.text.resize(limit);
        result.cut = true;
    }
    return result;
}

std::string Root::line(std::string_view path) const {
    const Text text = read(path, 65536);
    return text ? text.text.substr(0, text.text.find('\n')) : std::string{};
}

std::optional<long long> Root::number(std::string_view path) const {
    const std::string text{trim(line(path))};
    long long value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    return error == std::errc{} && !text.empty() && end == text.data() + text.size()
               ? std::optional{value}
               : std::nullopt;
}

std::vector<std::string> Root::list(std::string_view path) const {
    std::vector<std::string> names;
    const auto where = resolve(path);
    std::error_code error;
    if (where) {
        fs::directory_iterator it{*where, error};
        for (; !error && it != fs::directory_iterator{} && names.size() < kNamesMax;
             it.increment(error)) {
            names.push_back(it->path().filename().string());
        }
    }
    std::sort(names.begin(), names.end());
    return names;
}

std::optional<std::string> Root::link(std::string_view path) const {
    const fs::path whole{path};
    const auto parent = resolve(whole.parent_path().string());
    std::error_code error;
    if (!parent) {
        return std::nullopt;
    }
    const fs::path target = fs::read_symlink(*parent / whole.filename(), error);
    return error ? std::nullopt : std::optional{target.string()};
}

std::vector<std::string> words(std::string_view text) {
    constexpr std::string_view kBlanks = " \t\n\r";
    std::vector<std::string> found;
    while (true) {
        const auto begin = text.find_first_not_of(kBlanks);
        if (begin == text.npos) {
            return found;
        }
        const auto end = text.find_first_of(kBlanks, begin);
        found.emplace_back(text.substr(begin, end == text.npos ? end : end - begin));
        text.remove_prefix(end == text.npos ? text.size() : end);
    }
}

std::vector<std::string> lines(std::string_view text) {
    std::vector<std::string> found;
    while (!text.empty()) {
        const auto end = text.find('\n');
        found.emplace_back(text.substr(0, end));
        text.remove_prefix(end == text.npos ? text.size() : end + 1);
    }
    return found;
}

std::string_view trim(std::string_view text) {
    constexpr std::string_view kBlanks = " \t\n\r";
    const auto begin = text.find_first_not_of(kBlanks);
    return begin == text.npos ? std::string_view{}
                              : text.substr(begin, text.find_last_not_of(kBlanks) - begin + 1);
}

}  // namespace resume::agent::doctor
