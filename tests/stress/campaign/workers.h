// The processes that live the lives of a campaign: one a job, each with every so-many-th life, so
// that one that dies takes nobody with it and is known by the life that it was in.
#pragma once

#include <sys/types.h>

#include <functional>
#include <map>
#include <string>
#include <vector>

#include "tests/stress/campaign/record.h"

namespace resume::stress {

/// Lives [first, end) of a campaign's own count, and what number each has.
struct WorkPlan {
    DrawOptions draw;
    uint64_t first = 0, end = 0;
    uint64_t cycles = 0;  ///< planned altogether: the last life may be shorter; 0: none is
    uint32_t shard = 1, shards = 1;
    uint32_t jobs = 1;

    [[nodiscard]] uint64_t number_of(uint64_t index) const { return index * shards + shard - 1; }
};

/// The plan of a life by its number, cut to the campaign's cycles.
[[nodiscard]] LifePlan plan_of(const WorkPlan& work, uint64_t number);

class Workers {
  public:
    explicit Workers(const WorkPlan& work);
    /// Ends those that still run.
    ~Workers();
    Workers(const Workers&) = delete;
    Workers& operator=(const Workers&) = delete;

    /// Waits for news, at most so long, and hands out what came, in the order of the lives. False
    /// when all is told.
    bool wait(int milliseconds, const std::function<void(const LifeRecord&)>& tell);

  private:
    struct Worker {
        pid_t pid = -1;
        int fd = -1;
        uint64_t next = 0;  ///< the life that it is in
        std::string text;
    };

    [[noreturn]] void work(uint64_t first, int fd) const;
    void read(Worker& worker);
    void ended(Worker& worker);

    WorkPlan work_;
    std::vector<Worker> workers_;
    std::map<uint64_t, LifeRecord> early_;  ///< by index
    uint64_t told_;
};

}  // namespace resume::stress
