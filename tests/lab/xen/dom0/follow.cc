// resume-lab-follow FOLDER: prints each whole line that is appended to any file of FOLDER, led by
// the file's name and a tab, as it is written, for ever. The lab reads all guests' consoles by it.
// What was printed is given back to the file system, which is dom0's memory: 1,400 cycles of
// guests that tell each of their events filled it.
#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <sys/inotify.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <map>
#include <string>

namespace {

/// A line of a hostile guest has no end: here another one begins.
constexpr size_t kLineLimit = 16'384;
constexpr off_t kGiveBackBytes = 1 << 20;

struct Followed {
    int descriptor = -1;
    off_t printed_bytes = 0;
    off_t given_back_bytes = 0;
    std::string partial;
};

class Follower {
  public:
    explicit Follower(std::string folder) : folder_(std::move(folder)) {}

    /// Prints what is new in the file `name` of the folder; a file that is gone is forgotten.
    void read_more(const std::string& name) {
        Followed& file = files_[name];
        if (file.descriptor < 0) {
            file.descriptor = open((folder_ + "/" + name).c_str(), O_RDWR | O_CLOEXEC);
        }
        char block[4096];
        ssize_t length = 0;
        while (file.descriptor >= 0 && (length = read(file.descriptor, block, sizeof block)) > 0) {
            take(name, file, {block, static_cast<size_t>(length)});
            file.printed_bytes += length;
        }
        fflush(stdout);
        give_back(file);
    }

    void read_all() {
        DIR* listing = opendir(folder_.c_str());
        while (const dirent* entry = listing != nullptr ? readdir(listing) : nullptr) {
            if (entry->d_name[0] != '.') {
                read_more(entry->d_name);
            }
        }
        if (listing != nullptr) {
            closedir(listing);
        }
    }

  private:
    /// A hole, not a shorter file: xenconsoled may be writing behind what was read.
    static void give_back(Followed& file) {
        if (file.printed_bytes - file.given_back_bytes >= kGiveBackBytes &&
            fallocate(file.descriptor, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0,
                      file.printed_bytes) == 0) {
            file.given_back_bytes = file.printed_bytes;
        }
    }

    void take(const std::string& name, Followed& file, const std::string& text) {
        for (const char letter : text) {
            if (letter == '\n' || file.partial.size() == kLineLimit) {
                printf("%s\t%s\n", name.c_str(), file.partial.c_str());
                file.partial.clear();
            }
            if (letter != '\n') {
                file.partial += letter;
            }
        }
    }

    std::string folder_;
    std::map<std::string, Followed> files_;
};

int follow(const char* folder) {
    const int events = inotify_init1(IN_CLOEXEC);
    if (events < 0 || inotify_add_watch(events, folder, IN_CREATE | IN_MODIFY) < 0) {
        fprintf(stderr, "%s: %s\n", folder, strerror(errno));
        return 66;
    }
    Follower follower(folder);
    follower.read_all();
    alignas(inotify_event) char block[16 * (sizeof(inotify_event) + NAME_MAX + 1)];
    ssize_t length = 0;
    while ((length = read(events, block, sizeof block)) > 0) {
        for (const char* at = block; at < block + length;) {
            const auto* event = reinterpret_cast<const inotify_event*>(at);
            if ((event->mask & IN_Q_OVERFLOW) != 0) {
                follower.read_all();
            } else if (event->len > 0) {
                follower.read_more(event->name);
            }
            at += sizeof(inotify_event) + event->len;
        }
    }
    return 70;
}

}  // namespace

int main(int argc, char** argv) {
    if (argc != 2) {
        fprintf(stderr, "usage: %s FOLDER\n", argv[0]);
        return 64;
    }
    return follow(argv[1]);
}
