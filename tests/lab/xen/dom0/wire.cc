// resume-lab-wire FILE: the peer of the kernel guests on their interfaces. Each frame of their load
// is counted and sent back to who sent it; announcements (RARP) are counted. FILE has a line for
// each sender, written anew when the wire has been quiet for a moment:
//
//   00:16:3e:01:02:03 frames=N repeated=N announced=N
//
// frames counts numbers, repeated the frames whose number had been seen from this sender before.
#include <arpa/inet.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <poll.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <map>
#include <set>
#include <string>

namespace {

// As tests/workload/frame_load.h has them.
constexpr uint16_t kLoadType = 0x88b5;
constexpr size_t kNumber = ETH_HLEN;
constexpr int kQuietMs = 30;

using Mac = std::array<uint8_t, ETH_ALEN>;

struct Sender {
    std::set<uint64_t> numbers;
    uint64_t repeated = 0;
    uint64_t announced = 0;
};

class Wire {
  public:
    explicit Wire(std::string path) : path_(std::move(path)) {}

    /// False when a socket cannot be had.
    bool open() {
        load_ = socket_for(kLoadType);
        announcements_ = socket_for(ETH_P_RARP);
        return load_ >= 0 && announcements_ >= 0;
    }

    [[noreturn]] void run() {
        write_counts();
        for (bool quiet = true;;) {
            pollfd ready[] = {{load_, POLLIN, 0}, {announcements_, POLLIN, 0}};
            const int events = poll(ready, 2, quiet ? -1 : kQuietMs);
            if (events == 0) {
                write_counts();
                quiet = true;
                continue;
            }
            quiet = false;
            for (const pollfd& each : ready) {
                if ((each.revents & POLLIN) != 0) {
                    take(each.fd);
                }
            }
        }
    }

  private:
    static int socket_for(uint16_t type) {
        return socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, htons(type));
    }

    void take(int descriptor) {
        uint8_t frame[2048];
        sockaddr_ll from{};
        socklen_t size = sizeof from;
        const ssize_t length = recvfrom(descriptor, frame, sizeof frame, MSG_DONTWAIT,
                                        reinterpret_cast<sockaddr*>(&from), &size);
        if (length < static_cast<ssize_t>(kNumber + sizeof(uint64_t)) ||
            from.sll_pkttype != PACKET_BROADCAST) {
            return;  // our own answers are seen as well
        }
        Mac mac;
        memcpy(mac.data(), frame + ETH_ALEN, ETH_ALEN);
        Sender& sender = senders_[mac];
        if (descriptor == announcements_) {
            ++sender.announced;
            return;
        }
        uint64_t number = 0;
        memcpy(&number, frame + kNumber, sizeof number);
        sender.repeated += sender.numbers.insert(number).second ? 0 : 1;
        memcpy(frame, mac.data(), ETH_ALEN);
        from.sll_halen = ETH_ALEN;
        // An interface that is gone by now: the guest knows the frame as lost.
        (void)!sendto(descriptor, frame, static_cast<size_t>(length), 0,
                      reinterpret_cast<const sockaddr*>(&from), sizeof from);
    }

    void write_counts() const {
        const std::string fresh = path_ + ".new";
        FILE* file = fopen(fresh.c_str(), "w");
        if (file == nullptr) {
            return;
        }
        for (const auto& [mac, sender] : senders_) {
            fprintf(file, "%02x:%02x:%02x:%02x:%02x:%02x frames=%zu repeated=%llu announced=%llu\n",
                    mac[0], mac[1], mac[2], mac[3], mac[4], mac[5], sender.numbers.size(),
                    static_cast<unsigned long long>(sender.repeated),
                    static_cast<unsigned long long>(sender.announced));
        }
        fclose(file);
        rename(fresh.c_str(), path_.c_str());
    }

    std::string path_;
    int load_ = -1;
    int announcements_ = -1;
    std::map<Mac, Sender> senders_;
};

}  // namespace

int main(int count, char** words) {
    if (count != 2) {
        fprintf(stderr, "usage: %s FILE\n", words[0]);
        return 64;
    }
    Wire wire(words[1]);
    if (!wire.open()) {
        fprintf(stderr, "resume-lab-wire: a packet socket: %s\n", strerror(errno));
        return 70;
    }
    wire.run();
}
