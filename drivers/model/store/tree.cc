#include "drivers/model/store/tree.h"

#include <algorithm>
#include <cerrno>

#include "libresume/assert.h"

namespace resume::model {

namespace {

bool allows(char granted, char wanted) {
    return granted == 'b' || granted == wanted;
}

/// Takes the next name off the path; empty at its end.
std::string_view next_name(std::string_view& path) {
    std::size_t begin = 0;
    while (begin < path.size() && path[begin] == '/') {
        ++begin;
    }
    std::size_t end = begin;
    while (end < path.size() && path[end] != '/') {
        ++end;
    }
    const std::string_view name = path.substr(begin, end - begin);
    path.remove_prefix(end);
    return name;
}

std::string_view last_name(std::string_view path) {
    return path.substr(path.rfind('/') + 1);
}

}  // namespace

std::string_view parent_path(std::string_view path) {
    const std::size_t slash = path.rfind('/');
    return slash == 0 || slash == std::string_view::npos ? "/" : path.substr(0, slash);
}

StoreTree::StoreTree() : root_{new Entry} {
    root_->node.perms.push_back({'n', 0});
    count(0, 1);
}

void StoreTree::count(DomId owner, int32_t more) {
    for (auto& [domid, nodes] : owned_) {
        if (domid == owner) {
            nodes += more;
            return;
        }
    }
    owned_.emplace_back(owner, more);
}

uint32_t StoreTree::owned_by(DomId domid) const {
    for (const auto& [owner, nodes] : owned_) {
        if (owner == domid) {
            return static_cast<uint32_t>(nodes);
        }
    }
    return 0;
}

StoreTree::Entry& StoreTree::own(Pointer& pointer) {
    if (pointer->use_count() > 1) {
        pointer.reset(new Entry(*pointer));
    }
    return *pointer;
}

std::size_t StoreTree::place_of(const Entry& parent, std::string_view name) {
    std::size_t at = 0;
    for (; at < parent.children.size(); ++at) {
        const std::string& other = parent.children[at]->name;
        // The ends differ where beginnings do not: feature-..., queue-0, queue-1.
        if (other.size() == name.size() && other.back() == name.back() && other == name) {
            break;
        }
    }
    return at;
}

const StoreTree::Entry* StoreTree::child(const Entry& parent, std::string_view name) {
    const std::size_t place = place_of(parent, name);
    return place == parent.children.size() ? nullptr : parent.children[place].get();
}

const StoreTree::Entry* StoreTree::entry(std::string_view path) const {
    const Entry* at = root_.get();
    for (std::string_view name = next_name(path); at != nullptr && !name.empty();
         name = next_name(path)) {
        at = child(*at, name);
    }
    return at;
}

StoreTree::Entry* StoreTree::own_entry(std::string_view path) {
    Entry* at = &own(root_);
    for (std::string_view name = next_name(path); !name.empty(); name = next_name(path)) {
        const std::size_t place = place_of(*at, name);
        if (place == at->children.size()) {
            return nullptr;
        }
        at = &own(at->children[place]);
    }
    return at;
}

const StoreNode* StoreTree::find(std::string_view path) const {
    const Entry* const found = entry(path);
    return found == nullptr ? nullptr : &found->node;
}

std::vector<std::string> StoreTree::children(std::string_view path) const {
    std::vector<std::string> names;
    if (const Entry* const found = entry(path); found != nullptr) {
        for (const Pointer& child : found->children) {
            names.push_back(child->name);
        }
    }
    std::sort(names.begin(), names.end());
    return names;
}

int StoreTree::check(std::string_view path, DomId domid, char access) const {
    // What is not there has the permissions of the nearest node above it.
    const Entry* nearest = root_.get();
    std::string_view name = next_name(path);
    for (; !name.empty(); name = next_name(path)) {
        const Entry* const below = child(*nearest, name);
        if (below == nullptr) {
            break;
        }
        nearest = below;
    }
    const StorePerms& perms = nearest->node.perms;
    char granted = perms.front().access;
    if (domid == 0 || perms.front().domid == domid) {
        granted = 'b';
    } else {
        for (std::size_t i = 1; i < perms.size(); ++i) {
            if (perms[i].domid == domid) {
                granted = perms[i].access;
            }
        }
    }
    if (!allows(granted, access)) {
        return EACCES;
    }
    return name.empty() ? 0 : ENOENT;
}

void StoreTree::put(std::string_view path, std::string_view value, DomId domid,
                    const StorePerms* perms) {
    Entry* at = &own(root_);
    bool made = false;
    for (std::string_view name = next_name(path); !name.empty(); name = next_name(path)) {
        const std::size_t place = place_of(*at, name);
        made = place == at->children.size();
        if (made) {
            Pointer fresh{new Entry};
            fresh->name = name;
            fresh->node.perms = at->node.perms;
            fresh->node.generation = ++generation_;
            if (domid != 0) {
                fresh->node.perms.front().domid = domid;
            }
            count(fresh->node.perms.front().domid, 1);
            at->children.push_back(std::move(fresh));
            at->node.generation = ++generation_;
        }
        at = &own(at->children[place]);
    }
    at->node.value = value;
    if (!made) {
        at->node.generation = ++generation_;
    }
    if (perms != nullptr) {
        give(*at, *perms);
    }
}

void StoreTree::give(Entry& entry, const StorePerms& perms) {
    count(entry.node.perms.front().domid, -1);
    count(perms.front().domid, 1);
    entry.node.perms = perms;
    entry.node.generation = ++generation_;
}

void StoreTree::set_perms(std::string_view path, const StorePerms& perms) {
    Entry* const found = own_entry(path);
    RESUME_ASSERT(found != nullptr);
    give(*found, perms);
}

void StoreTree::forget(const Entry& entry) {
    count(entry.node.perms.front().domid, -1);
    for (const Pointer& child : entry.children) {
        forget(*child);
    }
}

void StoreTree::remove(std::string_view path) {
    Entry* const parent = own_entry(parent_path(path));
    if (parent == nullptr) {
        return;
    }
    const std::string_view name = last_name(path);
    const std::size_t place = place_of(*parent, name);
    if (place != parent->children.size()) {
        forget(*parent->children[place]);
        parent->children.erase(parent->children.begin() + static_cast<std::ptrdiff_t>(place));
    }
    parent->node.generation = ++generation_;
}

}  // namespace resume::model
