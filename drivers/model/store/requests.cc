// The daemon's requests on nodes, one function each.
#include <algorithm>
#include <cerrno>
#include <utility>

#include "drivers/model/store/daemon.h"
#include "drivers/model/store/request_text.h"

namespace resume::model {

namespace {

bool parse_perm(std::string_view text, StorePerm& perm) {
    if (text.size() < 2 || text.size() > 6 ||
        std::string_view{"rwbn"}.find(text[0]) == std::string_view::npos ||
        !std::all_of(text.begin() + 1, text.end(), [](char c) { return c >= '0' && c <= '9'; })) {
        return false;
    }
    const unsigned long id = std::stoul(std::string{text.substr(1)});
    if (id >= 0x7ff0) {
        return false;
    }
    perm = {text[0], static_cast<DomId>(id)};
    return true;
}

}  // namespace

int StoreDaemon::dispatch(Context& context, std::string& reply) {
    if (context.message.payload.size() > kStorePayload) {
        return E2BIG;
    }
    switch (context.message.type) {
        case XS_DIRECTORY:
            return directory(context, reply);
        case XS_READ:
            return read(context, reply);
        case XS_GET_PERMS:
            return get_perms(context, reply);
        case XS_SET_PERMS:
            return set_perms(context, reply);
        case XS_WATCH:
            return watch(context, reply);
        case XS_UNWATCH:
            return unwatch(context, reply);
        case XS_TRANSACTION_START:
            return transaction_start(context, reply);
        case XS_TRANSACTION_END:
            return transaction_end(context, reply);
        case XS_GET_DOMAIN_PATH:
            return domain_path(context, reply);
        case XS_WRITE:
            return write_node(context, reply);
        case XS_MKDIR:
            return make_directory(context, reply);
        case XS_RM:
            return remove_node(context, reply);
        case XS_RESET_WATCHES:
            return reset_watches(context, reply);
        case XS_CONTROL:
        case XS_INTRODUCE:
        case XS_RELEASE:
        case XS_RESUME:
        case XS_SET_TARGET:
        case XS_IS_DOMAIN_INTRODUCED:
            return EACCES;  // dom0 only
        default:
            return ENOSYS;
    }
}

int StoreDaemon::directory(Context& context, std::string& reply) {
    Path path;
    if (!terminated(context.message.payload) || context.arguments.size() != 1) {
        return EINVAL;
    }
    if (const int error = resolve(context, context.arguments[0], path); error != 0) {
        return error;
    }
    if (const int error = note_seen(context, path); error != 0) {
        return error;
    }
    StoreTree& tree = tree_of(context);
    if (const int error = tree.check(path, context.connection.domid, 'r'); error != 0) {
        return error;
    }
    for (const std::string& name : tree.children(path)) {
        reply += name + '\0';
    }
    return reply.size() > kStorePayload ? E2BIG : 0;
}

int StoreDaemon::read(Context& context, std::string& reply) {
    Path path;
    if (!terminated(context.message.payload) || context.arguments.size() != 1) {
        return EINVAL;
    }
    if (const int error = resolve(context, context.arguments[0], path); error != 0) {
        return error;
    }
    if (const int error = note_seen(context, path); error != 0) {
        return error;
    }
    StoreTree& tree = tree_of(context);
    if (const int error = tree.check(path, context.connection.domid, 'r'); error != 0) {
        return error;
    }
    reply = tree.find(path)->value;
    return 0;
}

int StoreDaemon::get_perms(Context& context, std::string& reply) {
    Path path;
    if (!terminated(context.message.payload) || context.arguments.size() != 1) {
        return EINVAL;
    }
    if (const int error = resolve(context, context.arguments[0], path); error != 0) {
        return error;
    }
    StoreTree& tree = tree_of(context);
    if (const int error = tree.check(path, context.connection.domid, 'r'); error != 0) {
        return error;
    }
    for (const StorePerm& perm : tree.find(path)->perms) {
        reply += perm.access + std::to_string(perm.domid) + '\0';
    }
    return 0;
}

int StoreDaemon::set_perms(Context& context, std::string& reply) {
    Path path;
    if (!terminated(context.message.payload) || context.arguments.size() < 2) {
        return EINVAL;
    }
    if (const int error = resolve(context, context.arguments[0], path); error != 0) {
        return error;
    }
    StorePerms perms;
    for (std::size_t i = 1; i < context.arguments.size(); ++i) {
        StorePerm perm;
        if (!parse_perm(context.arguments[i], perm)) {
            return EINVAL;
        }
        perms.push_back(perm);
    }
    const DomId domid = context.connection.domid;
    StoreTree& tree = tree_of(context);
    if (const int error = tree.check(path, domid, 'w'); error != 0) {
        return error;
    }
    const DomId owner = tree.find(path)->perms.front().domid;
    if (domid != 0 && (owner != domid || perms.front().domid != domid)) {
        return domid == owner ? EPERM : EACCES;
    }
    if (domid != 0 && perms.size() > quota.perms) {
        return ENOSPC;
    }
    if (const int error = note_seen(context, path); error != 0) {
        return error;
    }
    tree.set_perms(path, perms);
    accept(reply);
    if (context.transaction != nullptr) {
        context.transaction->changes.push_back(
            {Transaction::Change::Kind::perms, std::string{path.view}, {}, perms});
    } else {
        changed(path, false);
    }
    return 0;
}

int StoreDaemon::check_quota(const Context& context, std::string_view path,
                             std::string_view value) {
    const DomId domid = context.connection.domid;
    if (domid == 0) {
        return 0;
    }
    if (value.size() > quota.node_size) {
        return ENOSPC;
    }
    const StoreTree& tree = context.transaction != nullptr ? context.transaction->tree : tree_;
    return tree.find(path) == nullptr && tree.owned_by(domid) >= quota.nodes ? ENOSPC : 0;
}

int StoreDaemon::put(Context& context, std::string_view path, std::string_view value) {
    StoreTree& tree = tree_of(context);
    const DomId domid = context.connection.domid;
    const int access = tree.check(path, domid, 'w');
    if (access != 0 && access != ENOENT) {
        return access;
    }
    if (const int error = check_quota(context, path, value); error != 0) {
        return error;
    }
    if (const int error = note_seen(context, path); error != 0) {
        return error;
    }
    if (access == ENOENT) {
        // A new node depends on its parent being there or not.
        if (const int error = note_seen(context, parent_path(path)); error != 0) {
            return error;
        }
    }
    tree.put(path, value, domid);
    if (context.transaction != nullptr) {
        context.transaction->changes.push_back({Transaction::Change::Kind::put,
                                                std::string{path},
                                                std::string{value},
                                                {{'n', domid}}});
    } else {
        changed(path, false);
    }
    return 0;
}

int StoreDaemon::write_node(Context& context, std::string& reply) {
    const std::string_view payload = context.message.payload;
    const std::size_t end = payload.find('\0');
    Path path;
    if (end == std::string_view::npos) {
        return EINVAL;
    }
    if (const int error = resolve(context, payload.substr(0, end), path); error != 0) {
        return error;
    }
    const int error = put(context, path, payload.substr(end + 1));
    if (error == 0) {
        accept(reply);
    }
    return error;
}

int StoreDaemon::make_directory(Context& context, std::string& reply) {
    Path path;
    if (!terminated(context.message.payload) || context.arguments.size() != 1) {
        return EINVAL;
    }
    if (const int error = resolve(context, context.arguments[0], path); error != 0) {
        return error;
    }
    const int access = tree_of(context).check(path, context.connection.domid, 'w');
    if (access == ENOENT) {
        if (const int error = put(context, path, ""); error != 0) {
            return error;
        }
    } else if (access != 0) {
        return access;
    }
    accept(reply);
    return 0;
}

int StoreDaemon::remove_node(Context& context, std::string& reply) {
    Path path;
    if (!terminated(context.message.payload) || context.arguments.size() != 1) {
        return EINVAL;
    }
    if (const int error = resolve(context, context.arguments[0], path); error != 0) {
        return error;
    }
    if (path.view == "/") {
        return EINVAL;
    }
    StoreTree& tree = tree_of(context);
    if (const int error = tree.check(path, context.connection.domid, 'w'); error != 0) {
        // Removing what is not there is no error as long as its parent is.
        if (error != ENOENT || tree.find(parent_path(path)) == nullptr) {
            return error;
        }
        accept(reply);
        return 0;
    }
    for (const std::string_view seen : {path.view, parent_path(path)}) {
        if (const int error = note_seen(context, seen); error != 0) {
            return error;
        }
    }
    tree.remove(path);
    accept(reply);
    if (context.transaction != nullptr) {
        context.transaction->changes.push_back(
            {Transaction::Change::Kind::remove, std::string{path.view}, {}, {}});
    } else {
        changed(path, true);
    }
    return 0;
}

}  // namespace resume::model
