// Completions from other CPUs at any moment, played by threads; for the thread sanitizer too.
#include <gtest/gtest.h>

#include <atomic>
#include <condition_variable>
#include <mutex>
#include <queue>
#include <thread>

#include "tests/unit/core/engine_fixture.h"

namespace resume::test {
namespace {

/// Threads that complete whatever they are given.
class Backends {
  public:
    Backends() {
        for (int i = 0; i < 3; ++i) {
            threads_.emplace_back([this] { serve(); });
        }
    }
    ~Backends() {
        {
            const std::lock_guard guard{lock_};
            stop_ = true;
        }
        wake_.notify_all();
        for (std::thread& thread : threads_) {
            thread.join();
        }
    }
    void give(Completer completer, int times) {
        {
            const std::lock_guard guard{lock_};
            work_.emplace(std::move(completer), times);
        }
        wake_.notify_one();
    }

  private:
    void serve() {
        std::unique_lock guard{lock_};
        for (;;) {
            wake_.wait(guard, [this] { return stop_ || !work_.empty(); });
            if (work_.empty()) {
                return;
            }
            auto [completer, times] = std::move(work_.front());
            work_.pop();
            guard.unlock();
            for (int i = 0; i < times; ++i) {
                completer.complete();
            }
            guard.lock();
        }
    }

    std::mutex lock_;
    std::condition_variable wake_;
    std::queue<std::pair<Completer, int>> work_;
    bool stop_ = false;
    std::vector<std::thread> threads_;
};

class OtherCpusTest : public EngineTest {
  protected:
    void add_devices(Backends& backends, int times) {
        machine.other_cpus_run = true;
        for (int i = 0; i < 40; ++i) {
            Device* parent = i < 10 ? nullptr : &devices[static_cast<size_t>(i) / 2];
            ScriptedDevice& device = add("vbd", parent);
            for (const Phase phase : {Phase::prepare, Phase::suspend, Phase::suspend_late,
                                      Phase::resume_early, Phase::resume, Phase::complete}) {
                device.on(phase, {.act = [&backends, times](ThreadContext& context) {
                              backends.give(context.defer(), times);
                              return Progress::pending();
                          }});
            }
        }
    }
};

TEST_F(OtherCpusTest, EveryHookFinishesWhoeverCompletesIt) {
    Backends backends;
    add_devices(backends, 1);
    for (int i = 0; i < 20; ++i) {
        const CycleResult result = cycle();
        EXPECT_EQ(result.outcome, Outcome::resumed);
        EXPECT_EQ(result.errors_up, 0U);
    }
    EXPECT_EQ(engine.stray_completions(), 0U);
}

TEST_F(OtherCpusTest, EverySecondCompletionIsAStrayWheneverItComes) {
    constexpr int kCycles = 10;
    {
        Backends backends;
        add_devices(backends, 2);
        for (int i = 0; i < kCycles; ++i) {
            EXPECT_EQ(cycle().outcome, Outcome::resumed);
        }
    }
    EXPECT_EQ(engine.stray_completions(), uint64_t{kCycles} * 40 * 6);
    machine.other_cpus_run = false;
    for (ScriptedDevice& device : devices) {
        for (uint8_t phase = 1; phase < kPhaseCount; ++phase) {
            device.on(static_cast<Phase>(phase), {});
        }
    }
    cycle();
    uint64_t traced = 0;
    for (const TraceEvent& event : events(EventKind::completion_stray)) {
        traced += event.arg32;
    }
    EXPECT_EQ(traced, engine.stray_completions());
}

}  // namespace
}  // namespace resume::test
