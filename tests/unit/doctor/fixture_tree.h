// A machine made of files: a directory of its own that plays "/", gone with the object.
#pragma once

#include <stdlib.h>

#include <filesystem>
#include <fstream>
#include <string>
#include <string_view>

#include "agent/doctor/root.h"

namespace resume::agent::doctor {

class FixtureTree {
  public:
    FixtureTree() {
        std::string name = (std::filesystem::temp_directory_path() / "doctor-XXXXXX").string();
        top_ = ::mkdtemp(name.data());
    }
    ~FixtureTree() {
        std::error_code error;
        std::filesystem::remove_all(top_, error);
    }
    FixtureTree(const FixtureTree&) = delete;
    FixtureTree& operator=(const FixtureTree&) = delete;

    FixtureTree& file(std::string_view path, std::string_view content) {
        const auto where = at(path);
        std::filesystem::create_directories(where.parent_path());
        std::ofstream{where, std::ios::binary} << content;
        return *this;
    }
    FixtureTree& link(std::string_view path, std::string_view target) {
        const auto where = at(path);
        std::filesystem::create_directories(where.parent_path());
        std::filesystem::create_symlink(target, where);
        return *this;
    }
    FixtureTree& folder(std::string_view path) {
        std::filesystem::create_directories(at(path));
        return *this;
    }
    void remove(std::string_view path) { std::filesystem::remove_all(at(path)); }

    [[nodiscard]] std::filesystem::path at(std::string_view path) const {
        return top_ / std::filesystem::path{path}.relative_path();
    }
    [[nodiscard]] Root live() const { return Root::fixture(top_); }
    [[nodiscard]] Root image() const { return Root::image(top_); }

  private:
    std::filesystem::path top_;
};

}  // namespace resume::agent::doctor
