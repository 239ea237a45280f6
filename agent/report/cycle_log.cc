#include "agent/report/cycle_log.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include <array>
#include <deque>
#include <nlohmann/json.hpp>
#include <set>

#include "agent/base/files.h"
#include "agent/base/unique_fd.h"

namespace resume::agent {

namespace {

/// True when a crash left half a line: the next one then starts on a line of its own.
bool ends_in_mid_line(int fd, off_t size) {
    char last = '\n';
    return size > 0 && ::pread(fd, &last, 1, size - 1) == 1 && last != '\n';
}

}  // namespace

CycleLog::CycleLog(std::string folder, size_t limit) : folder_{std::move(folder)}, limit_{limit} {}

std::string without_devices(std::string_view line) {
    auto report = nlohmann::ordered_json::parse(line, nullptr, false);
    if (!report.is_object() || !report.contains("devices") || report["devices"].empty()) {
        return std::string{line};
    }
    report["devices"] = nlohmann::ordered_json::array();
    report["cut"] = true;
    return report.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace);
}

int CycleLog::push_out() {
    std::deque<std::string> lines;
    std::set<std::string> known;
    size_t size = 0;
    for (const auto& file : {old_path(), path()}) {
        for_each_report(file, limit_, [&](std::string_view line) {
            std::string brief = without_devices(line);
            if (!known.insert(brief).second) {
                return;
            }
            size += brief.size() + 1;
            lines.push_back(std::move(brief));
            for (; size > limit_; lines.pop_front()) {
                size -= lines.front().size() + 1;
            }
        });
    }
    std::string text;
    text.reserve(size);
    for (const auto& line : lines) {
        text += line;
        text += '\n';
    }
    return replace_file(old_path(), text);
}

int CycleLog::append(std::string_view line) {
    if (line.size() > limit_ / 4) {
        return EFBIG;
    }
    if (const int error = make_folders(folder_); error != 0) {
        return error;
    }
    const auto open_log = [this] {
        return UniqueFd{
            ::open(path().c_str(), O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0644)};
    };
    UniqueFd fd = open_log();
    struct stat status {};
    if (!fd.valid() || ::fstat(fd.get(), &status) != 0) {
        return errno;
    }
    if (static_cast<size_t>(status.st_size) + line.size() + 2 > limit_ && status.st_size > 0) {
        if (const int error = push_out(); error != 0) {
            return error;
        }
        // A crash before this leaves the reports in both files; the next time sorts that out.
        if (::ftruncate(fd.get(), 0) != 0) {
            return errno;
        }
        status.st_size = 0;
    }
    std::string text = ends_in_mid_line(fd.get(), status.st_size) ? "\n" : "";
    text += line;
    text += '\n';
    const ssize_t count = ::write(fd.get(), text.data(), text.size());
    if (count != static_cast<ssize_t>(text.size())) {
        // Half a line is as good as none: the disk is full or failing.
        const int error = count < 0 ? errno : ENOSPC;
        [[maybe_unused]] const int ignored = ::ftruncate(fd.get(), status.st_size);
        return error;
    }
    if (::fdatasync(fd.get()) != 0) {
        return errno;
    }
    if (status.st_size == 0) {
        // A new name is on disk only when its folder is.
        const UniqueFd folder{::open(folder_.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)};
        return folder.valid() && ::fsync(folder.get()) == 0 ? 0 : errno;
    }
    return 0;
}

int for_each_report(const std::string& path, size_t limit,
                    const std::function<void(std::string_view line)>& visit) {
    const UniqueFd fd{::open(path.c_str(), O_RDONLY | O_CLOEXEC)};
    struct stat status {};
    if (!fd.valid() || ::fstat(fd.get(), &status) != 0) {
        return errno;
    }
    const auto size = static_cast<size_t>(status.st_size);
    size_t at = size > limit ? size - limit : 0;
    bool cut = at > 0;  // the first line is then only the end of one
    std::string pending;
    std::array<char, 65536> chunk{};
    while (at < size) {
        const ssize_t count = ::pread(fd.get(), chunk.data(), chunk.size(), static_cast<off_t>(at));
        if (count <= 0) {
            break;
        }
        at += static_cast<size_t>(count);
        pending.append(chunk.data(), static_cast<size_t>(count));
        size_t begin = 0;
        for (size_t end = pending.find('\n'); end != std::string::npos;
             end = pending.find('\n', begin)) {
            const std::string_view line{pending.data() + begin, end - begin};
            if (!cut && line.starts_with('{')) {
                visit(line);
            }
            cut = false;
            begin = end + 1;
        }
        pending.erase(0, begin);
    }
    return 0;
}

}  // namespace resume::agent
