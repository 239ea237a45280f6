#include "agent/base/files.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <charconv>

#include "agent/base/unique_fd.h"

namespace resume::agent {

namespace {

int write_all(int fd, std::string_view text) {
    while (!text.empty()) {
        const ssize_t count = ::write(fd, text.data(), text.size());
        if (count < 0) {
            if (errno == EINTR) {
                continue;
            }
            return errno;
        }
        text.remove_prefix(static_cast<size_t>(count));
    }
    return 0;
}

}  // namespace

std::string_view trim(std::string_view text) noexcept {
    constexpr std::string_view kBlanks = " \t\r\n";
    const size_t first = text.find_first_not_of(kBlanks);
    if (first == std::string_view::npos) {
        return {};
    }
    return text.substr(first, text.find_last_not_of(kBlanks) - first + 1);
}

std::optional<int64_t> parse_number(std::string_view text) noexcept {
    int64_t value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc{} || end != text.data() + text.size()) {
        return std::nullopt;
    }
    return value;
}

std::optional<std::string> read_file(const std::string& path, size_t limit) {
    const UniqueFd fd{::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOCTTY)};
    if (!fd.valid()) {
        return std::nullopt;
    }
    std::string text(limit, '\0');
    size_t used = 0;
    while (used < limit) {
        const ssize_t count = ::read(fd.get(), text.data() + used, limit - used);
        if (count < 0 && errno == EINTR) {
            continue;
        }
        if (count < 0) {
            return std::nullopt;
        }
        if (count == 0) {
            break;
        }
        used += static_cast<size_t>(count);
    }
    text.resize(used);
    text.shrink_to_fit();
    return text;
}

std::optional<std::string> read_line(const std::string& path, size_t limit) {
    const auto text = read_file(path, limit);
    return text ? std::optional{std::string{trim(*text)}} : std::nullopt;
}

std::optional<int64_t> read_number(const std::string& path) {
    const auto text = read_line(path, 64);
    return text ? parse_number(*text) : std::nullopt;
}

int write_existing(const std::string& path, std::string_view text) {
    const UniqueFd fd{::open(path.c_str(), O_WRONLY | O_CLOEXEC | O_TRUNC)};
    return fd.valid() ? write_all(fd.get(), text) : errno;
}

int replace_file(const std::string& path, std::string_view text, unsigned mode) {
    const std::string temporary = path + ".new";
    UniqueFd fd{::open(temporary.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, mode)};
    if (!fd.valid()) {
        return errno;
    }
    int error = write_all(fd.get(), text);
    if (error == 0 && ::fsync(fd.get()) != 0) {
        error = errno;
    }
    fd.reset();
    if (error == 0 && ::rename(temporary.c_str(), path.c_str()) != 0) {
        error = errno;
    }
    if (error != 0) {
        ::unlink(temporary.c_str());
        return error;
    }
    const UniqueFd folder{
        ::open(path.substr(0, path.rfind('/') + 1).c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)};
    if (folder.valid()) {
        ::fsync(folder.get());
    }
    return 0;
}

int make_folders(const std::string& path, unsigned mode) {
    for (size_t at = path.find('/', 1);; at = path.find('/', at + 1)) {
        const std::string part = path.substr(0, at);
        if (::mkdir(part.c_str(), mode) != 0 && errno != EEXIST) {
            return errno;
        }
        if (at == std::string::npos) {
            return 0;
        }
    }
}

std::string explain(std::string_view cause, int error) {
    return std::string{cause} + ": " + ::strerror(error);
}

}  // namespace resume::agent
