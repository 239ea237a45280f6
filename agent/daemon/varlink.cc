#include "agent/daemon/varlink.h"

#include <algorithm>

namespace resume::agent {

using nlohmann::json;

namespace {

/// The parser recurses, so depth is checked before it runs. Brackets in strings count too: no
/// message of ours has that many.
bool too_deep(std::string_view text) {
    constexpr std::ptrdiff_t kMostOpen = 64;
    return std::count(text.begin(), text.end(), '{') + std::count(text.begin(), text.end(), '[') >
           kMostOpen;
}

std::string framed(const json& message) {
    std::string text = message.dump(-1, ' ', false, json::error_handler_t::replace);
    text += '\0';
    return text;
}

}  // namespace

std::optional<VarlinkCall> parse_call(std::string_view text) {
    if (text.size() > kMostVarlinkBytes || too_deep(text)) {
        return std::nullopt;
    }
    const json message = json::parse(text, nullptr, false);
    if (!message.is_object()) {
        return std::nullopt;
    }
    const auto method = message.find("method");
    if (method == message.end() || !method->is_string()) {
        return std::nullopt;
    }
    VarlinkCall call{.method = method->get<std::string>()};
    if (const auto parameters = message.find("parameters"); parameters != message.end()) {
        if (!parameters->is_object()) {
            return std::nullopt;
        }
        call.parameters = *parameters;
    }
    const auto flag = [&](const char* name) {
        const auto value = message.find(name);
        return value != message.end() && value->is_boolean() && value->get<bool>();
    };
    call.more = flag("more");
    call.oneway = flag("oneway");
    return call;
}

std::string varlink_reply(const json& parameters, bool continues) {
    json message{{"parameters", parameters}};
    if (continues) {
        message["continues"] = true;
    }
    return framed(message);
}

std::string varlink_error(std::string_view name, const json& parameters) {
    json message{{"error", name}};
    message["parameters"] = parameters.is_null() ? json::object() : parameters;
    return framed(message);
}

}  // namespace resume::agent
