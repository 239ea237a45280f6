#include <cstring>

#include "agent/observe/dbus.h"

namespace resume::agent {

namespace {

constexpr size_t kFixedHeader = 16;

void pad(std::string& bytes, size_t to) {
    bytes.resize((bytes.size() + to - 1) / to * to, '\0');
}

void put_u32(std::string& bytes, uint32_t value) {
    pad(bytes, 4);
    bytes.append(reinterpret_cast<const char*>(&value), sizeof value);
}

void put_string(std::string& bytes, std::string_view text) {
    put_u32(bytes, static_cast<uint32_t>(text.size()));
    bytes.append(text);
    bytes += '\0';
}

void put_field(std::string& bytes, char code, char type, std::string_view text) {
    pad(bytes, 8);
    bytes += code;
    bytes += '\1';
    bytes += type;
    bytes += '\0';
    if (type == 'g') {
        bytes += static_cast<char>(text.size());
        bytes.append(text);
        bytes += '\0';
    } else {
        put_string(bytes, text);
    }
}

/// Reads forward over a header; every step is checked against its end.
class Cursor {
  public:
    Cursor(std::string_view bytes, size_t at) : bytes_{bytes}, at_{at} {}

    bool align(size_t to) {
        at_ = (at_ + to - 1) / to * to;
        return at_ <= bytes_.size();
    }
    bool byte(uint8_t& value) {
        if (at_ >= bytes_.size()) {
            return false;
        }
        value = static_cast<uint8_t>(bytes_[at_++]);
        return true;
    }
    bool u32(uint32_t& value) {
        if (!align(4) || bytes_.size() - at_ < 4) {
            return false;
        }
        memcpy(&value, bytes_.data() + at_, 4);
        at_ += 4;
        return true;
    }
    bool text(std::string& value, bool is_signature) {
        uint32_t length = 0;
        uint8_t small = 0;
        if (is_signature ? !byte(small) : !u32(length)) {
            return false;
        }
        length = is_signature ? small : length;
        if (bytes_.size() - at_ <= length) {
            return false;
        }
        value = bytes_.substr(at_, length);
        at_ += length + 1;
        return true;
    }
    [[nodiscard]] size_t at() const { return at_; }

  private:
    std::string_view bytes_;
    size_t at_;
};

bool read_field(Cursor& cursor, DbusMessage& message) {
    uint8_t code = 0;
    std::string type;
    if (!cursor.align(8) || !cursor.byte(code) || !cursor.text(type, true)) {
        return false;
    }
    if (type == "u") {
        uint32_t value = 0;
        if (!cursor.u32(value)) {
            return false;
        }
        message.reply_serial = code == 5 ? value : message.reply_serial;
        return true;
    }
    std::string value;
    if ((type != "s" && type != "o" && type != "g") || !cursor.text(value, type == "g")) {
        return false;
    }
    switch (code) {
        case 2:
            message.interface = value;
            break;
        case 3:
            message.member = value;
            break;
        case 4:
            message.error = value;
            break;
        case 8:
            message.signature = value;
            break;
        default:
            break;
    }
    return true;
}

}  // namespace

std::string dbus_call(uint32_t serial, std::string_view destination, std::string_view path,
                      std::string_view interface, std::string_view member,
                      const std::vector<std::string>& arguments) {
    std::string body;
    for (const auto& argument : arguments) {
        put_string(body, argument);
    }
    std::string bytes{'l', 1, 0, 1};
    put_u32(bytes, static_cast<uint32_t>(body.size()));
    put_u32(bytes, serial);
    put_u32(bytes, 0);
    put_field(bytes, 1, 'o', path);
    put_field(bytes, 2, 's', interface);
    put_field(bytes, 3, 's', member);
    put_field(bytes, 6, 's', destination);
    if (!arguments.empty()) {
        put_field(bytes, 8, 'g', std::string(arguments.size(), 's'));
    }
    const auto fields = static_cast<uint32_t>(bytes.size() - kFixedHeader);
    memcpy(bytes.data() + 12, &fields, sizeof fields);
    pad(bytes, 8);
    return bytes + body;
}

std::optional<size_t> dbus_length(std::string_view bytes) {
    if (bytes.size() < kFixedHeader) {
        return 0;
    }
    uint32_t body = 0;
    uint32_t fields = 0;
    memcpy(&body, bytes.data() + 4, 4);
    memcpy(&fields, bytes.data() + 12, 4);
    if (bytes[0] != 'l' || bytes[3] != 1 || body > kMostDbusBytes || fields > kMostDbusBytes) {
        return std::nullopt;
    }
    const size_t length = (kFixedHeader + fields + 7) / 8 * 8 + body;
    return bytes.size() < length ? 0 : length;
}

std::optional<DbusMessage> parse_dbus(std::string_view bytes) {
    const auto length = dbus_length(bytes);
    if (!length || *length == 0) {
        return std::nullopt;
    }
    DbusMessage message{.type = static_cast<uint8_t>(bytes[1])};
    uint32_t fields = 0;
    memcpy(&message.serial, bytes.data() + 8, 4);
    memcpy(&fields, bytes.data() + 12, 4);
    const size_t end = kFixedHeader + fields;
    Cursor cursor{bytes.substr(0, end), kFixedHeader};
    while (cursor.at() < end) {
        if (!read_field(cursor, message)) {
            return std::nullopt;
        }
    }
    const size_t body = (end + 7) / 8 * 8;
    message.body = bytes.substr(body, *length - body);
    return message;
}

}  // namespace resume::agent
