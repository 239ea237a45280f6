#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <map>

#include "agent/act/hooks.h"

namespace resume::agent {

namespace {

bool is_leftover(const std::string& name) {
    constexpr std::array<std::string_view, 10> kEnds{"~",       ".bak",     ".orig",    ".rej",
                                                     ".rpmnew", ".rpmorig", ".rpmsave", ".sample",
                                                     ".swp",    ".dpkg"};
    return name.starts_with('.') || name.find(".dpkg-") != std::string::npos ||
           std::any_of(kEnds.begin(), kEnds.end(),
                       [&](std::string_view end) { return name.ends_with(end); });
}

Hook examine(const std::string& path, const std::string& name, unsigned owner) {
    Hook hook{.name = name, .path = path};
    std::array<char, 256> target{};
    const ssize_t length = ::readlink(path.c_str(), target.data(), target.size());
    if (length > 0 && std::string_view(target.data(), static_cast<size_t>(length)) == "/dev/null") {
        hook.masked = true;
        return hook;
    }
    struct stat status {};
    if (::stat(path.c_str(), &status) != 0) {
        hook.problem = explain("cannot be read", errno);
    } else if (S_ISREG(status.st_mode) && status.st_size == 0) {
        hook.masked = true;
    } else if (!S_ISREG(status.st_mode)) {
        hook.problem = "is not a regular file";
    } else if (status.st_uid != owner) {
        hook.problem = "is not owned by root";
    } else if ((status.st_mode & (S_IWGRP | S_IWOTH)) != 0) {
        hook.problem = "can be written by others than root";
    } else if ((status.st_mode & S_IXUSR) == 0) {
        hook.problem = "is not executable";
    }
    return hook;
}

}  // namespace

std::vector<Hook> find_hooks(const Root& root, unsigned owner) {
    std::map<std::string, Hook> found;  // by name: C order, and /etc wins
    for (const char* folder : {kVendorHooks, kOwnHooks}) {
        std::error_code error;
        for (const auto& entry : std::filesystem::directory_iterator{root(folder), error}) {
            const std::string name = entry.path().filename().string();
            if (!is_leftover(name) && found.size() < 256) {
                found[name] = examine(entry.path().string(), name, owner);
            }
        }
    }
    std::vector<Hook> hooks;
    hooks.reserve(found.size());
    for (auto& [name, hook] : found) {
        hooks.push_back(std::move(hook));
    }
    return hooks;
}

}  // namespace resume::agent
