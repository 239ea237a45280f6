#include "agent/doctor/poison_pages.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>

#include "agent/doctor/checks.h"

namespace resume::agent::doctor {
namespace {

constexpr uint64_t kHwPoison = uint64_t{1} << 19;  // linux/kernel-page-flags.h: KPF_HWPOISON
constexpr unsigned kPageShift = 12;
constexpr size_t kChunk = 8192;  // flags a read: 64 KiB

void take(const uint64_t* flags, size_t count, uint64_t first_pfn, PoisonedPages& pages) {
    for (size_t i = 0; i < count; ++i) {
        if ((flags[i] & kHwPoison) == 0) {
            continue;
        }
        ++pages.found;
        if (pages.addresses.size() < kPoisonListMax) {
            pages.addresses.push_back((first_pfn + i) << kPageShift);
        }
    }
}

}  // namespace

std::optional<uint64_t> corrupted_kib(const Root& root) {
    for (const std::string& line : lines(root.read("/proc/meminfo").text)) {
        if (line.rfind("HardwareCorrupted:", 0) == 0) {
            return std::strtoull(line.c_str() + sizeof "HardwareCorrupted:" - 1, nullptr, 10);
        }
    }
    return std::nullopt;
}

PoisonedPages scan_poisoned(const Root& root) {
    PoisonedPages pages;
    pages.corrupted_kib = corrupted_kib(root).value_or(0);
    const auto path = root.resolve("/proc/kpageflags");
    const int fd = path ? ::open(path->c_str(), O_RDONLY | O_CLOEXEC) : -1;
    if (fd < 0) {
        pages.error = std::string{"/proc/kpageflags: "} + std::strerror(path ? errno : ENOENT);
        return pages;
    }
    std::vector<uint64_t> flags(kChunk);
    uint64_t pfn = 0;
    while (true) {
        const ssize_t got = ::read(fd, flags.data(), flags.size() * sizeof(uint64_t));
        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got < 0) {
            pages.error = std::string{"/proc/kpageflags: "} + std::strerror(errno);
        }
        if (got <= 0) {
            break;
        }
        const size_t count = static_cast<size_t>(got) / sizeof(uint64_t);
        take(flags.data(), count, pfn, pages);
        pfn += count;
    }
    ::close(fd);
    return pages;
}

std::optional<PoisonedPages> PoisonWatch::look(const Root& root) {
    if (corrupted_kib(root).value_or(0) == known_.corrupted_kib) {
        return std::nullopt;
    }
    known_ = now(root);
    return known_;
}

void PoisonWatch::hear(uint64_t address) {
    if (heard_.size() < kPoisonListMax &&
        std::find(heard_.begin(), heard_.end(), address) == heard_.end()) {
        heard_.push_back(address);
    }
}

PoisonedPages PoisonWatch::now(const Root& root) const {
    if (corrupted_kib(root).value_or(0) == known_.corrupted_kib) {
        return known_;
    }
    PoisonedPages pages = scan_poisoned(root);
    if (!pages.error.empty() && !heard_.empty()) {
        pages.addresses = heard_;
        pages.found = heard_.size();
        pages.error.clear();
    }
    return pages;
}

std::string addresses_text(const PoisonedPages& pages, size_t most) {
    std::vector<std::string> texts;
    for (const uint64_t address : pages.addresses) {
        char text[24];
        ::snprintf(text, sizeof text, "0x%llx", static_cast<unsigned long long>(address));
        texts.emplace_back(text);
    }
    return some_of(texts, most);
}

}  // namespace resume::agent::doctor
