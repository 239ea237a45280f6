// One client's life with the agent: connects, subscribes, looks again, and pairs replies with
// calls. Not thread-safe: client.cc holds the lock.
#pragma once

#include <stdint.h>

#include <chrono>
#include <deque>
#include <string>

#include <nlohmann/json.hpp>

namespace resume::client {

/// What the agent said, or a change of the connection; strings as client.h has them.
struct Event {
    uint32_t type = 0;
    uint32_t deadline_ms = 0;
    std::string token{}, kind{}, outcome{}, id{}, report{};
};

/// A descriptor that is closed with it; -1 is none.
class Descriptor {
  public:
    explicit Descriptor(int fd = -1) noexcept : fd_{fd} {}
    Descriptor(const Descriptor&) = delete;
    Descriptor& operator=(const Descriptor&) = delete;
    ~Descriptor() { reset(); }
    void reset(int fd = -1) noexcept;
    [[nodiscard]] int get() const noexcept { return fd_; }
    [[nodiscard]] bool valid() const noexcept { return fd_ >= 0; }

  private:
    int fd_;
};

class Session {
  public:
    Session(std::string path, std::string label);

    /// Makes the descriptors and looks for an agent. 0, also without one, or an errno.
    int open();
    [[nodiscard]] int fd() const noexcept { return epoll_.get(); }
    /// 0 when connected, else the errno of the last attempt.
    [[nodiscard]] int state() const noexcept { return error_; }
    void subscribe();
    /// Reads what is there, never waits; false when there is no event.
    bool next(Event& event);

    struct Reply {
        int error = 0;  ///< an errno; 0 and `parameters`
        nlohmann::json parameters{};
    };
    /// Sends a call and waits for its reply; events that come before it are kept.
    Reply call(const char* method, const nlohmann::json& parameters);

  private:
    void connect();
    void lose(int error);
    void look_again_later();
    int send(const char* method, const nlohmann::json& parameters, bool more);
    void read_some();
    void take(const std::string& text);
    void take_event(const nlohmann::json& parameters);
    void push(Event event);
    void show_pending() noexcept;

    std::string path_;
    std::string label_;
    Descriptor epoll_{};    ///< what the caller polls: socket, timer and pending
    Descriptor timer_{};    ///< when the agent is looked for again
    Descriptor pending_{};  ///< an eventfd that is readable while events_ has something
    Descriptor socket_{};
    std::chrono::seconds pause_;
    int error_;
    bool subscribed_ = false;
    bool waiting_ = false;  ///< a call is out: the next message that is no event is its reply
    bool replied_ = false;
    Reply reply_{};
    std::string inbox_{};
    std::deque<Event> events_{};
};

}  // namespace resume::client
