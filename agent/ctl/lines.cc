#include "agent/ctl/lines.h"

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <memory>

namespace resume::agent {
namespace {

constexpr size_t kLongestLine = 64UL * 1024;

struct Close {
    void operator()(FILE* file) const {
        if (file != stdin) {
            std::fclose(file);
        }
    }
};

class Splitter {
  public:
    explicit Splitter(const std::function<void(std::string_view, uint64_t)>& take) : take_{take} {}

    void add(std::string_view chunk) {
        while (!chunk.empty()) {
            const size_t end = chunk.find('\n');
            const std::string_view piece = chunk.substr(0, end);
            if (end == chunk.npos) {
                keep(piece);
                return;
            }
            if (pending_.empty()) {
                take_(piece.substr(0, kLongestLine), ++number_);
            } else {
                keep(piece);
                take_(pending_, ++number_);
                pending_.clear();
            }
            chunk.remove_prefix(end + 1);
        }
    }

    void finish() {
        if (!pending_.empty()) {
            take_(pending_, ++number_);
        }
    }

  private:
    void keep(std::string_view piece) {
        pending_.append(piece.substr(0, kLongestLine - std::min(kLongestLine, pending_.size())));
    }

    const std::function<void(std::string_view, uint64_t)>& take_;
    std::string pending_;
    uint64_t number_ = 0;
};

}  // namespace

std::string for_each_line(const std::string& path,
                          const std::function<void(std::string_view, uint64_t)>& take) {
    const std::unique_ptr<FILE, Close> file{path == "-" ? stdin : std::fopen(path.c_str(), "rb")};
    if (!file) {
        return std::strerror(errno);
    }
    Splitter splitter{take};
    std::string buffer(kLongestLine, '\0');
    while (const size_t got = std::fread(buffer.data(), 1, buffer.size(), file.get())) {
        splitter.add({buffer.data(), got});
    }
    if (std::ferror(file.get()) != 0) {
        return std::strerror(errno);
    }
    splitter.finish();
    return {};
}

}  // namespace resume::agent
