#include "drivers/model/store/tree.h"

#include <cerrno>
#include <utility>

#include "libresume/assert.h"

namespace resume::model {

namespace {

std::string below(const std::string& path) {
    return path == "/" ? path : path + "/";
}

bool starts_with(const std::string& text, const std::string& prefix) {
    return text.compare(0, prefix.size(), prefix) == 0;
}

bool allows(char granted, char wanted) {
    return granted == 'b' || granted == wanted;
}

}  // namespace

std::string parent_path(const std::string& path) {
    const std::size_t slash = path.rfind('/');
    return slash == 0 || slash == std::string::npos ? "/" : path.substr(0, slash);
}

StoreTree::StoreTree() : nodes_{std::make_shared<Nodes>()} {
    own()["/"] = {.value = "", .perms = {{'n', 0}}, .generation = 0};
}

StoreTree::Nodes& StoreTree::own() {
    if (nodes_.use_count() > 1) {
        nodes_ = std::make_shared<Nodes>(*nodes_);
    }
    return *nodes_;
}

const StoreNode* StoreTree::find(const std::string& path) const {
    const auto found = nodes_->find(path);
    return found == nodes_->end() ? nullptr : &found->second;
}

std::vector<std::string> StoreTree::children(const std::string& path) const {
    std::vector<std::string> names;
    const std::string prefix = below(path);
    for (auto it = nodes_->lower_bound(prefix); it != nodes_->end(); ++it) {
        if (!starts_with(it->first, prefix)) {
            break;
        }
        const std::string rest = it->first.substr(prefix.size());
        if (!rest.empty() && rest.find('/') == std::string::npos) {
            names.push_back(rest);
        }
    }
    return names;
}

uint32_t StoreTree::owned_by(DomId domid) const {
    uint32_t count = 0;
    for (const auto& [path, node] : *nodes_) {
        count += node.perms.front().domid == domid ? 1 : 0;
    }
    return count;
}

int StoreTree::check(const std::string& path, DomId domid, char access) const {
    const StoreNode* node = find(path);
    // What is not there has the permissions of the nearest node above it.
    std::string at = path;
    while (node == nullptr && at != "/") {
        at = parent_path(at);
        node = find(at);
    }
    RESUME_ASSERT(node != nullptr);  // the root is always there
    char granted = node->perms.front().access;
    if (domid == 0 || node->perms.front().domid == domid) {
        granted = 'b';
    } else {
        for (std::size_t i = 1; i < node->perms.size(); ++i) {
            if (node->perms[i].domid == domid) {
                granted = node->perms[i].access;
            }
        }
    }
    if (!allows(granted, access)) {
        return EACCES;
    }
    return find(path) == nullptr ? ENOENT : 0;
}

void StoreTree::touch(const std::string& path) {
    Nodes& nodes = own();
    const auto found = nodes.find(path);
    if (found != nodes.end()) {
        found->second.generation = ++generation_;
    }
}

void StoreTree::put(const std::string& path, const std::string& value, DomId domid,
                    std::vector<std::string>* made) {
    Nodes& nodes = own();
    const auto found = nodes.find(path);
    if (found != nodes.end()) {
        found->second.value = value;
        found->second.generation = ++generation_;
        return;
    }
    const std::string parent = parent_path(path);
    if (find(parent) == nullptr) {
        put(parent, "", domid, made);
    }
    StoreNode node{.value = value, .perms = nodes.at(parent).perms, .generation = ++generation_};
    if (domid != 0) {
        node.perms.front().domid = domid;
    }
    nodes.emplace(path, std::move(node));
    touch(parent);
    if (made != nullptr) {
        made->push_back(path);
    }
}

void StoreTree::set_perms(const std::string& path, std::vector<StorePerm> perms) {
    StoreNode& node = own().at(path);
    node.perms = std::move(perms);
    node.generation = ++generation_;
}

void StoreTree::remove(const std::string& path) {
    const std::string prefix = below(path);
    Nodes& nodes = own();
    nodes.erase(path);
    for (auto it = nodes.lower_bound(prefix);
         it != nodes.end() && starts_with(it->first, prefix);) {
        it = nodes.erase(it);
    }
    touch(parent_path(path));
}

}  // namespace resume::model
