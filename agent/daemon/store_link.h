// The agent's connection to xenstore on its event loop: what comes in is taken, and one that was
// lost is opened again, a bounded number of times, so that an agent at rest stays at rest.
#pragma once

#include <functional>

#include "agent/base/event_loop.h"
#include "agent/observe/xenstore.h"

namespace resume::agent {

class StoreLink {
  public:
    /// `ready` takes the events that may be there; `back` is called when a connection that was lost
    /// is there again, with all watches. Both are called from the loop or from tend().
    /// The first attempt comes after `first_delay`, each further one after twice as long.
    StoreLink(EventLoop& loop, GuestStore& store, std::function<void()> ready,
              std::function<void()> back, std::chrono::milliseconds first_delay = kFirstDelay);
    StoreLink(const StoreLink&) = delete;
    StoreLink& operator=(const StoreLink&) = delete;
    ~StoreLink();

    /// To be called before each wait: takes the events that came in with the answer to something
    /// else, which wake nobody up, and notices a connection that was lost.
    void tend();
    /// A moment when the store may well answer again: attempts begin anew. Nothing while connected.
    void try_again();

    static constexpr std::chrono::milliseconds kFirstDelay{1000};
    static constexpr std::chrono::milliseconds kLongestDelay{60'000};
    /// About ten minutes.
    static constexpr int kMostTries = 14;

  private:
    void attempt();
    void arm();

    EventLoop& loop_;
    GuestStore& store_;
    std::function<void()> ready_;
    std::function<void()> back_;
    std::chrono::milliseconds first_delay_;
    int watched_ = -1;   ///< the descriptor that the loop knows
    bool lost_ = false;  ///< there was a connection, and there is none
    int tries_ = 0;
    EventLoop::TimerId timer_ = 0;
};

}  // namespace resume::agent
