// A folder that stands in for a guest's file system, removed with the test.
#pragma once

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "agent/base/files.h"

namespace resume::agent {

class TempRoot {
  public:
    TempRoot() {
        std::string pattern = testing::TempDir() + "libresume_XXXXXX";
        root.prefix = ::mkdtemp(pattern.data());
    }
    TempRoot(const TempRoot&) = delete;
    TempRoot& operator=(const TempRoot&) = delete;
    ~TempRoot() { std::filesystem::remove_all(root.prefix); }

    void put(const std::string& path, const std::string& text) const {
        const std::filesystem::path whole = root(path);
        std::filesystem::create_directories(whole.parent_path());
        std::ofstream{whole} << text;
    }
    [[nodiscard]] std::string get(const std::string& path) const {
        return read_file(root(path), 1 << 20).value_or("");
    }

    Root root;
};

}  // namespace resume::agent
