// What the daemon's requests share: the shape of a payload, the answer "OK".
#pragma once

#include <string>
#include <string_view>

namespace resume::model {

/// Strings of a request end with a zero; a value need not.
inline bool terminated(std::string_view payload) {
    return !payload.empty() && payload.back() == '\0';
}

inline void accept(std::string& reply) {
    reply.assign("OK", 3);
}

}  // namespace resume::model
