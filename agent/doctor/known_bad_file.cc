// Reading the table's TOML: every field checked, every error with file and line.
#include <algorithm>
#include <fstream>
#include <sstream>

#include <toml++/toml.h>

#include "agent/base/toml_text.h"
#include "agent/doctor/known_bad.h"
#include "agent/doctor/version.h"

namespace resume::agent::doctor {
namespace {

constexpr size_t kFileMax = 1 << 20;
constexpr size_t kIdMax = 40;

// One row while it is read: collects the first thing that is wrong with it.
struct RowReader {
    const toml::table& table;
    std::string wrong;

    void complain(const std::string& what) {
        if (wrong.empty()) {
            wrong = what;
        }
    }

    std::string text(const char* key, bool needed = false) {
        const toml::node* node = table.get(key);
        if (node == nullptr) {
            if (needed) {
                complain(std::string{"needs \""} + key + "\"");
            }
            return {};
        }
        const auto value = node->value_exact<std::string>();
        if (!value) {
            complain(std::string{"\""} + key + "\" is not a string");
        }
        return value.value_or("");
    }

    std::vector<std::string> texts(const char* key, bool needed = false) {
        std::vector<std::string> values;
        const toml::node* node = table.get(key);
        if (node == nullptr) {
            if (needed) {
                complain(std::string{"needs \""} + key + "\"");
            }
            return values;
        }
        const toml::array* array = node->as_array();
        if (array == nullptr) {
            complain(std::string{"\""} + key + "\" is not an array of strings");
            return values;
        }
        for (const toml::node& item : *array) {
            const auto value = item.value_exact<std::string>();
            if (!value) {
                complain(std::string{"\""} + key + "\" is not an array of strings");
                return {};
            }
            values.push_back(*value);
        }
        return values;
    }

    Severity severity(const char* key, bool needed) {
        const std::string word = text(key, needed);
        if (word == "note") {
            return Severity::note;
        }
        if (word == "warning") {
            return Severity::warning;
        }
        if (word != "unsafe" && (needed || !word.empty())) {
            complain(std::string{"\""} + key + "\" is not unsafe, warning or note: " + word);
        }
        return Severity::unsafe;
    }
};

constexpr const char* kKeys[] = {
    "id",        "title",    "system", "vendor",     "platforms",      "verdict",
    "from",      "fixed",    "unsure", "sure_until", "cause_subjects", "fix_subjects",
    "min_vcpus", "raise_if", "raised", "cause",      "ways_out",       "sources"};

// Ids go into a xenstore node and into exit messages, so they are words and short.
bool good_id(const std::string& id) {
    const auto fits = [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-';
    };
    return !id.empty() && id.size() <= kIdMax && std::all_of(id.begin(), id.end(), fits);
}

void check_versions(RowReader& reader, const KnownBad& row) {
    if (row.from.empty()) {
        reader.complain("\"from\" is empty");
    }
    if (!row.vendor.empty()) {
        if (row.from.size() > 1 || row.fixed.size() > 1) {
            reader.complain("a vendor row has one \"from\" and at most one \"fixed\"");
        }
        return;
    }
    for (const auto* list : {&row.from, &row.fixed, &row.unsure}) {
        for (const std::string& text : *list) {
            if (!parse_version(text)) {
                reader.complain("not a version: " + text);
            }
        }
    }
}

void read_platforms(RowReader& reader, KnownBad& row) {
    for (const std::string& word : reader.texts("platforms")) {
        if (const auto platform = platform_from(word)) {
            row.platforms.push_back(*platform);
        } else {
            reader.complain("not a platform: " + word);
        }
    }
    if (row.platforms.empty()) {
        row.platforms = {Platform::xen_hvm, Platform::xen_pvh, Platform::xen_pv};
    }
}

KnownBad read_row(RowReader& reader) {
    KnownBad row;
    for (const auto& [key, node] : reader.table) {
        const auto known = [&key = key](const char* name) { return key.str() == name; };
        if (std::none_of(std::begin(kKeys), std::end(kKeys), known)) {
            reader.complain("unknown key \"" + std::string{key.str()} + "\"");
        }
    }
    row.id = reader.text("id", true);
    if (!good_id(row.id)) {
        reader.complain("\"id\" is not 1 to 40 of [a-z0-9-]");
    }
    row.title = reader.text("title", true);
    if (const std::string system = reader.text("system"); !system.empty()) {
        row.system = system;
    }
    row.vendor = reader.text("vendor");
    read_platforms(reader, row);
    row.verdict = reader.severity("verdict", true);
    row.from = reader.texts("from", true);
    row.fixed = reader.texts("fixed");
    row.unsure = reader.texts("unsure");
    row.sure_until = reader.text("sure_until");
    row.cause_subjects = reader.texts("cause_subjects");
    row.fix_subjects = reader.texts("fix_subjects");
    const auto vcpus = reader.table["min_vcpus"].value_or(int64_t{0});
    row.min_vcpus = static_cast<unsigned>(std::clamp<int64_t>(vcpus, 0, 1 << 16));
    row.raise_if = reader.text("raise_if");
    row.raised = reader.severity("raised", false);
    row.cause = reader.text("cause", true);
    row.ways_out = reader.texts("ways_out", true);
    row.sources = reader.texts("sources", true);
    if (row.sources.empty()) {
        reader.complain("\"sources\" is empty: a row without a source is a rumour");
    }
    check_versions(reader, row);
    return row;
}

void put(KnownBadTable& table, KnownBad row) {
    for (KnownBad& known : table.rows) {
        if (known.id == row.id) {
            known = std::move(row);
            return;
        }
    }
    table.rows.push_back(std::move(row));
}

std::string where(std::string_view file, const toml::source_region& region) {
    return std::string{file} + ":" + std::to_string(region.begin.line) + ": ";
}

bool read_file(const std::filesystem::path& path, std::string& text, std::string& error) {
    std::ifstream stream{path, std::ios::binary};
    if (!stream) {
        error = path.string() + ": cannot be read";
        return false;
    }
    text.resize(kFileMax + 1);
    stream.read(text.data(), static_cast<std::streamsize>(text.size()));
    text.resize(static_cast<size_t>(stream.gcount()));
    if (text.size() > kFileMax) {
        error = path.string() + ": more than 1 MiB";
        return false;
    }
    return true;
}

}  // namespace

void add_known_bad(KnownBadTable& table, std::string_view toml_text, std::string_view file) {
    if (const auto line = line_of_bare_non_ascii(toml_text)) {
        table.errors.push_back(std::string{file} + ":" + std::to_string(*line) +
                               ": a character that is not ASCII stands outside quotes");
        return;
    }
    const toml::parse_result parsed = toml::parse(toml_text, file);
    if (!parsed) {
        const toml::parse_error& error = parsed.error();
        table.errors.push_back(where(file, error.source()) + std::string{error.description()});
        return;
    }
    for (const auto& [key, node] : parsed.table()) {
        if (key.str() != "kernel" || !node.is_array_of_tables()) {
            table.errors.push_back(where(file, node.source()) + "only [[kernel]] tables, not \"" +
                                   std::string{key.str()} + "\"");
            continue;
        }
        for (const toml::node& item : *node.as_array()) {
            RowReader reader{*item.as_table(), {}};
            KnownBad row = read_row(reader);
            if (reader.wrong.empty()) {
                put(table, std::move(row));
            } else {
                table.errors.push_back(where(file, item.source()) + "row \"" + row.id + "\" " +
                                       reader.wrong);
            }
        }
    }
}

KnownBadTable load_known_bad(const std::filesystem::path& installed,
                             const std::filesystem::path& directory) {
    namespace fs = std::filesystem;
    KnownBadTable table;
    std::error_code error;
    std::vector<fs::path> files;
    if (fs::exists(installed, error)) {
        files.push_back(installed);
    } else {
        add_known_bad(table, built_in_known_bad(), "built-in known-bad.toml");
    }
    std::vector<fs::path> more;
    for (fs::directory_iterator it{directory, error};
         !error && it != fs::directory_iterator{} && more.size() < 256; it.increment(error)) {
        if (it->path().extension() == ".toml") {
            more.push_back(it->path());
        }
    }
    std::sort(more.begin(), more.end());
    files.insert(files.end(), more.begin(), more.end());
    for (const fs::path& file : files) {
        std::string text;
        std::string wrong;
        if (read_file(file, text, wrong)) {
            add_known_bad(table, text, file.string());
        } else {
            table.errors.push_back(wrong);
        }
    }
    return table;
}

}  // namespace resume::agent::doctor
