#include "drivers/model/store/daemon.h"

#include <algorithm>
#include <cerrno>
#include <utility>

namespace resume::model {

StoreDaemon::ConnectionId StoreDaemon::connect(DomId domid, Deliver deliver) {
    Connection& made = connections_[next_];
    made.domid = domid;
    made.home = "/local/domain/" + std::to_string(domid) + "/";
    made.deliver = std::move(deliver);
    return next_++;
}

void StoreDaemon::disconnect(ConnectionId connection) {
    connections_.erase(connection);
}

uint32_t StoreDaemon::open_transactions(ConnectionId connection) const {
    return static_cast<uint32_t>(connections_.at(connection).transactions.size());
}

uint32_t StoreDaemon::watches(ConnectionId connection) const {
    return static_cast<uint32_t>(connections_.at(connection).watches.size());
}

StoreTree& StoreDaemon::tree_of(Context& context) {
    return context.transaction != nullptr ? context.transaction->tree : tree_;
}

int StoreDaemon::resolve(const Context& context, std::string_view path, Path& absolute) {
    if (!valid_path(path, false)) {
        return EINVAL;
    }
    if (path.front() == '/') {
        absolute.view = path;
        return 0;
    }
    const std::string& home = context.connection.home;
    static_assert(XENSTORE_REL_PATH_MAX + 32 < XENSTORE_ABS_PATH_MAX);
    char* end = std::copy(home.begin(), home.end(), absolute.text);
    end = std::copy(path.begin(), path.end(), end);
    absolute.view = {absolute.text, static_cast<std::size_t>(end - absolute.text)};
    return 0;
}

int StoreDaemon::note_seen(Context& context, std::string_view path) {
    if (context.transaction == nullptr) {
        return 0;
    }
    auto& seen = context.transaction->seen;
    if (seen.size() >= quota.transaction_nodes && context.connection.domid != 0) {
        return ENOSPC;
    }
    if (seen.find(path) == seen.end()) {
        const StoreNode* node = context.transaction->start.find(path);
        seen.emplace(path, node != nullptr ? node->generation : 0);
    }
    return 0;
}

bool StoreDaemon::conflicts(const Transaction& transaction) const {
    return std::any_of(transaction.seen.begin(), transaction.seen.end(), [this](const auto& entry) {
        const StoreNode* node = tree_.find(entry.first);
        return (node != nullptr ? node->generation : 0) != entry.second;
    });
}

void StoreDaemon::commit(Transaction& transaction) {
    transaction.start.release();  // what it holds would have to be copied
    transaction.tree.release();
    for (Transaction::Change& change : transaction.changes) {
        switch (change.kind) {
            case Transaction::Change::Kind::put:
                tree_.put(change.path, change.value, change.perms.front().domid);
                break;
            case Transaction::Change::Kind::perms:
                tree_.set_perms(change.path, change.perms);
                break;
            case Transaction::Change::Kind::remove:
                tree_.remove(change.path);
                break;
        }
    }
    // Watches fire when everything is in place, as xenstored does it.
    for (const Transaction::Change& change : transaction.changes) {
        changed(change.path, change.kind == Transaction::Change::Kind::remove);
    }
}

void StoreDaemon::fire(const Connection& connection, const Watch& watch, std::string_view path) {
    if (!watch.shown_prefix.empty() && path.starts_with(watch.shown_prefix)) {
        path.remove_prefix(watch.shown_prefix.size());
    }
    StoreMessage event{.type = XS_WATCH_EVENT};
    event.payload.reserve(path.size() + watch.token.size() + 2);
    event.payload.append(path).append(1, '\0').append(watch.token).append(1, '\0');
    connection.deliver(std::move(event));
}

void StoreDaemon::changed(std::string_view path, bool removed) {
    const auto covers = [](std::string_view above, std::string_view at) {
        return above == at || above == "/" ||
               (at.size() > above.size() && at[above.size()] == '/' && at.starts_with(above));
    };
    // Whoever is told may change watches: each connection's list is walked as it was.
    boost::container::small_vector<std::pair<ConnectionId, std::shared_ptr<const Watch>>, 8> due;
    for (const auto& [id, connection] : connections_) {
        for (const auto& watch : connection.watches) {
            if (covers(watch->path, path) || (removed && covers(path, watch->path))) {
                due.emplace_back(id, watch);
            }
        }
    }
    for (const auto& [id, watch] : due) {
        const auto found = connections_.find(id);
        if (found != connections_.end()) {
            fire(found->second, *watch, covers(watch->path, path) ? path : watch->path);
        }
    }
}

void StoreDaemon::write(std::string_view path, std::string_view value, const StorePerms& perms) {
    tree_.put(path, value, 0, perms.empty() ? nullptr : &perms);
    changed(path, false);
}

void StoreDaemon::remove(std::string_view path) {
    if (tree_.find(path) != nullptr) {
        tree_.remove(path);
        changed(path, true);
    }
}

void StoreDaemon::fire_special(std::string_view name) {
    changed(name, false);
}

void StoreDaemon::handle(ConnectionId id, const StoreMessage& message) {
    const auto found = connections_.find(id);
    if (found == connections_.end()) {
        return;
    }
    Connection& connection = found->second;
    Context context{connection, message, nullptr, words_of(message.payload)};
    StoreMessage reply{message.type, message.request, message.transaction, {}};
    int error = 0;
    if (message.transaction != 0) {
        const auto open = connection.transactions.find(message.transaction);
        if (open == connection.transactions.end()) {
            error = ENOENT;
        } else {
            context.transaction = &open->second;
        }
    }
    if (error == 0) {
        error = dispatch(context, reply.payload);
    }
    if (error != 0) {
        reply.type = XS_ERROR;
        reply.payload = std::string{store_error_word(error)} + '\0';
    }
    // The first event of a watch comes after the reply that accepts it.
    const bool watched = error == 0 && message.type == XS_WATCH;
    connection.deliver(std::move(reply));
    if (watched && connections_.count(id) != 0) {
        const std::shared_ptr<const Watch> watch = connection.watches.back();
        fire(connection, *watch, watch->path);
    }
}

}  // namespace resume::model
