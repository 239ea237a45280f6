#include "tests/stress/guest/tasks.h"

#include <xen/io/xs_wire.h>

#include "drivers/model/machine.h"

namespace resume::stress {

namespace {

constexpr char kPath[] = "domid";
constexpr uint64_t kAsksPerSecond = 200;

bool under_way(const StoreRequest& request) {
    return request.state != StoreRequest::State::idle && request.state != StoreRequest::State::done;
}

}  // namespace

void Task::start(Machine& machine, Store& store, TaskId id) noexcept {
    machine_ = &machine;
    store_ = &store;
    id_ = id;
    transaction.owner = StoreTransaction::Owner::task;
    transaction.task = id;
}

void Task::work() noexcept {
    if (!busy || frozen || under_way(request_) || raw_counter(*machine_) < next_) {
        return;
    }
    next_ = raw_counter(*machine_) + counter_hz(*machine_) / kAsksPerSecond;
    request_.type = XS_READ;
    request_.task = id_;
    request_.head = kPath;
    request_.head_size = sizeof kPath;
    request_.reply = reply_;
    request_.reply_capacity = sizeof reply_;
    request_.completed = &Task::answered;
    request_.argument = this;
    if (!store_->submit(request_).ok()) {
        busy = false;
    }
}

void Task::answered(void* self, StoreRequest&) noexcept {
    ++static_cast<Task*>(self)->answers;
}

void Task::kill() noexcept {
    busy = false;
    store_->abandon(id_);
}

void Task::stop() noexcept {
    busy = false;
    if (under_way(request_)) {
        store_->cancel(request_);
    }
}

void Tasks::start(Machine& machine, Store& store) noexcept {
    machine_ = &machine;
    store_ = &store;
    for (uint32_t i = 0; i < kTasks; ++i) {
        tasks_[i].start(machine, store, i + 1);
    }
}

void Tasks::stop() noexcept {
    for (Task& task : tasks_) {
        task.stop();
    }
}

void Tasks::work() noexcept {
    for (Task& task : tasks_) {
        task.work();
    }
}

resume::Tasks Tasks::hooks() noexcept {
    return {.tasks = this, .freeze = &Tasks::freeze, .thaw = &Tasks::thaw};
}

Result<> Tasks::freeze(void* self, Ticks) noexcept {
    auto& tasks = *static_cast<Tasks*>(self);
    for (Task& task : tasks.tasks_) {
        if (task.refuses) {
            thaw(self, Outcome::aborted);
            return {Errc::refused, -16};
        }
        task.frozen = true;
        const bool inside = tasks.store_->inside(task.id());
        const model::HostSection host{*tasks.machine_};
        tasks.machine_->sight(EventKind::task_frozen, task.id(), 0, inside ? 1 : 0);
    }
    return {};
}

void Tasks::thaw(void* self, Outcome) noexcept {
    auto& tasks = *static_cast<Tasks*>(self);
    for (Task& task : tasks.tasks_) {
        if (task.frozen) {
            task.frozen = false;
            const model::HostSection host{*tasks.machine_};
            tasks.machine_->sight(EventKind::task_thawed, task.id());
        }
    }
}

}  // namespace resume::stress
