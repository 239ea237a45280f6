#include "tests/mutants/equivalents.h"

#include <cstring>

#include "tests/mutants/mutation.h"

namespace resume::mutants {

const char* Equivalents::reason_for(size_t kind, const Mutation& mutation) {
    for (size_t i = 0; i < rows_.size(); ++i) {
        const EquivalentRow& row = rows_[i];
        if ((row.kinds >> kind & 1) != 0 &&
            std::strncmp(mutation.what.c_str(), row.what, std::strlen(row.what)) == 0) {
            needed_.insert(i);
            return row.reason;
        }
    }
    return nullptr;
}

std::vector<std::string> Equivalents::unneeded() const {
    std::vector<std::string> rows;
    for (size_t i = 0; i < rows_.size(); ++i) {
        if (!needed_.contains(i)) {
            rows.emplace_back(rows_[i].what);
        }
    }
    return rows;
}

}  // namespace resume::mutants
