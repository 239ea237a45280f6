#include "drivers/model/store/daemon.h"

#include <algorithm>
#include <cerrno>
#include <utility>

namespace resume::model {

StoreDaemon::ConnectionId StoreDaemon::connect(DomId domid, Deliver deliver) {
    Connection& made = connections_[next_];
    made.domid = domid;
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

int StoreDaemon::resolve(const Context& context, std::string_view path,
                         std::string& absolute) const {
    if (!valid_path(path, false)) {
        return EINVAL;
    }
    absolute = path.front() == '/' ? std::string{path}
                                   : "/local/domain/" + std::to_string(context.connection.domid) +
                                         "/" + std::string{path};
    return 0;
}

int StoreDaemon::note_seen(Context& context, const std::string& path) {
    if (context.transaction == nullptr) {
        return 0;
    }
    auto& seen = context.transaction->seen;
    if (seen.size() >= quota.transaction_nodes && context.connection.domid != 0) {
        return ENOSPC;
    }
    const StoreNode* node = context.transaction->start.find(path);
    seen.try_emplace(path, node != nullptr ? node->generation : 0);
    return 0;
}

bool StoreDaemon::conflicts(const Transaction& transaction) const {
    return std::any_of(transaction.seen.begin(), transaction.seen.end(), [this](const auto& entry) {
        const StoreNode* node = tree_.find(entry.first);
        return (node != nullptr ? node->generation : 0) != entry.second;
    });
}

void StoreDaemon::commit(Transaction& transaction) {
    transaction.start = transaction.tree;  // lets go of what would have to be copied
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

void StoreDaemon::fire(Connection& connection, const Watch& watch, const std::string& path) {
    const bool cut = !watch.shown_prefix.empty() &&
                     path.compare(0, watch.shown_prefix.size(), watch.shown_prefix) == 0;
    const std::string shown = cut ? path.substr(watch.shown_prefix.size()) : path;
    StoreMessage event{.type = XS_WATCH_EVENT};
    event.payload = shown + '\0' + watch.token + '\0';
    connection.deliver(event);
}

void StoreDaemon::changed(const std::string& path, bool removed) {
    const auto covers = [](const std::string& above, const std::string& at) {
        return above == at || above == "/" ||
               (at.size() > above.size() && at.compare(0, above.size(), above) == 0 &&
                at[above.size()] == '/');
    };
    // Whoever is told may change watches: each connection's list is walked as it was.
    std::vector<std::pair<ConnectionId, Watch>> due;
    for (const auto& [id, connection] : connections_) {
        for (const Watch& watch : connection.watches) {
            if (covers(watch.path, path) || (removed && covers(path, watch.path))) {
                due.emplace_back(id, watch);
            }
        }
    }
    for (const auto& [id, watch] : due) {
        const auto found = connections_.find(id);
        if (found != connections_.end()) {
            fire(found->second, watch, covers(watch.path, path) ? path : watch.path);
        }
    }
}

void StoreDaemon::write(const std::string& path, const std::string& value,
                        std::vector<StorePerm> perms) {
    tree_.put(path, value, 0);
    if (!perms.empty()) {
        tree_.set_perms(path, std::move(perms));
    }
    changed(path, false);
}

void StoreDaemon::remove(const std::string& path) {
    if (tree_.find(path) != nullptr) {
        tree_.remove(path);
        changed(path, true);
    }
}

void StoreDaemon::fire_special(const std::string& name) {
    changed(name, false);
}

void StoreDaemon::handle(ConnectionId id, const StoreMessage& message) {
    const auto found = connections_.find(id);
    if (found == connections_.end()) {
        return;
    }
    Connection& connection = found->second;
    Context context{connection, message, nullptr, split_strings(message.payload)};
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
    connection.deliver(reply);
    if (watched && connections_.count(id) != 0) {
        const Watch watch = connection.watches.back();
        fire(connection, watch, watch.path);
    }
}

}  // namespace resume::model
