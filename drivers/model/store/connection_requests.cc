// The daemon's requests about the connection itself: watches, transactions, whose home is where.
#include <algorithm>
#include <cerrno>
#include <utility>

#include "drivers/model/store/daemon.h"
#include "drivers/model/store/request_text.h"

namespace resume::model {

int StoreDaemon::watch(Context& context, std::string& reply) {
    Connection& connection = context.connection;
    if (!terminated(context.message.payload) || context.arguments.size() < 2) {
        return EINVAL;
    }
    Watch watch{.token = std::string{context.arguments[1]}};
    if (!valid_path(context.arguments[0], true)) {
        return EINVAL;
    }
    if (context.arguments[0].front() == '@') {
        watch.path = context.arguments[0];
    } else {
        Path path;
        if (const int error = resolve(context, context.arguments[0], path); error != 0) {
            return error;
        }
        watch.path = path.view;
    }
    if (context.arguments[0].front() != '/' && context.arguments[0].front() != '@') {
        watch.shown_prefix = connection.home;
    }
    for (const auto& other : connection.watches) {
        if (other->path == watch.path && other->token == watch.token) {
            return EEXIST;
        }
    }
    if (connection.domid != 0 && connection.watches.size() >= quota.watches) {
        return E2BIG;
    }
    connection.watches.push_back(std::make_shared<const Watch>(std::move(watch)));
    accept(reply);
    return 0;
}

int StoreDaemon::unwatch(Context& context, std::string& reply) {
    Connection& connection = context.connection;
    if (!terminated(context.message.payload) || context.arguments.size() < 2) {
        return EINVAL;
    }
    const std::string_view named = context.arguments[0];
    Path path;
    path.view = named;
    if (named.empty() || (named.front() != '@' && resolve(context, named, path) != 0)) {
        return EINVAL;
    }
    const auto found =
        std::find_if(connection.watches.begin(), connection.watches.end(), [&](const auto& watch) {
            return watch->path == path.view && watch->token == context.arguments[1];
        });
    if (found == connection.watches.end()) {
        return ENOENT;
    }
    connection.watches.erase(found);
    accept(reply);
    return 0;
}

int StoreDaemon::transaction_start(Context& context, std::string& reply) {
    Connection& connection = context.connection;
    if (context.transaction != nullptr) {
        return EBUSY;
    }
    if (connection.domid != 0 && connection.transactions.size() >= quota.transactions) {
        return ENOSPC;
    }
    const uint32_t id = connection.next_transaction++;
    Transaction& made = connection.transactions[id];
    made.start = tree_;
    made.tree = tree_;
    reply = std::to_string(id) + '\0';
    return 0;
}

int StoreDaemon::transaction_end(Context& context, std::string& reply) {
    if (context.transaction == nullptr) {
        return ENOENT;
    }
    if (context.arguments.size() != 1 ||
        (context.arguments[0] != "T" && context.arguments[0] != "F")) {
        return EINVAL;
    }
    Transaction transaction = std::move(*context.transaction);
    context.transaction = nullptr;
    context.connection.transactions.erase(context.message.transaction);
    if (context.arguments[0] == "T") {
        if (conflicts(transaction)) {
            return EAGAIN;
        }
        commit(transaction);
    }
    accept(reply);
    return 0;
}

int StoreDaemon::domain_path(Context& context, std::string& reply) {
    if (context.arguments.size() != 1 || context.arguments[0].empty() ||
        context.arguments[0].size() > 5 ||
        context.arguments[0].find_first_not_of("0123456789") != std::string::npos) {
        return EINVAL;
    }
    reply = "/local/domain/" + std::string{context.arguments[0]} + '\0';
    return 0;
}

int StoreDaemon::reset_watches(Context& context, std::string& reply) {
    context.connection.watches.clear();
    context.connection.transactions.clear();
    accept(reply);
    return 0;
}

}  // namespace resume::model
