// The store's bytes: pure functions over what anybody may send.
#include <gtest/gtest.h>

#include <string>

#include "drivers/store/wire.h"

namespace resume::test {
namespace {

std::string head_of(uint32_t type, uint32_t length) {
    std::string bytes(kStoreHeadSize, '\0');
    write_store_head({.type = type, .request = 3, .transaction = 4, .length = length},
                     bytes.data());
    return bytes;
}

Result<StoreHead> parse(const std::string& bytes) {
    return parse_store_head(bytes.data(), static_cast<uint32_t>(bytes.size()));
}

TEST(WireTest, HeadsSurviveARoundTrip) {
    const Result<StoreHead> head = parse(head_of(2, 4096));
    ASSERT_TRUE(head.ok());
    EXPECT_EQ(head.value().type, 2U);
    EXPECT_EQ(head.value().request, 3U);
    EXPECT_EQ(head.value().transaction, 4U);
    EXPECT_EQ(head.value().length, 4096U);
}

TEST(WireTest, HeadsThatCannotBeFollowedAreRefused) {
    EXPECT_EQ(parse(head_of(2, 4097)).error().code, Errc::malformed);
    EXPECT_EQ(parse(head_of(2, ~0U)).error().code, Errc::malformed);
    EXPECT_EQ(parse(head_of(0xffff, 0)).error().code, Errc::malformed);
    EXPECT_EQ(parse(head_of(2, 0).substr(0, 15)).error().code, Errc::malformed);
}

TEST(WireTest, EventsNeedTwoTerminatedStrings) {
    const auto event = [](const std::string& bytes) {
        return parse_store_event(bytes.data(), static_cast<uint32_t>(bytes.size()));
    };
    using std::string_literals::operator""s;
    ASSERT_TRUE(event("path\0token\0"s).ok());
    EXPECT_EQ(std::string(event("path\0token\0"s).value().token), "token");
    EXPECT_EQ(event("path\0\0"s).value().token_length, 0U);
    EXPECT_EQ(event("path\0token"s).error().code, Errc::malformed);
    EXPECT_EQ(event("path\0"s).error().code, Errc::malformed);
    EXPECT_EQ(event("path"s).error().code, Errc::malformed);
    EXPECT_EQ(event("\0token\0"s).error().code, Errc::malformed);
    EXPECT_EQ(event(""s).error().code, Errc::malformed);
}

TEST(WireTest, ErrorsKeepTheirNumber) {
    const auto error = [](const std::string& word) {
        return store_error(parse_store_error(word.data(), static_cast<uint32_t>(word.size())));
    };
    EXPECT_EQ(error("ENOENT").code, Errc::not_found);
    EXPECT_EQ(error("ENOENT").detail, 2);
    EXPECT_EQ(error(std::string("EAGAIN\0", 7)).code, Errc::again);
    EXPECT_EQ(error("EACCES").code, Errc::denied);
    EXPECT_EQ(error("EEXIST").code, Errc::exists);
    EXPECT_EQ(error("ENOSPC").code, Errc::no_space);
    EXPECT_EQ(error("ENO").code, Errc::io);
    EXPECT_EQ(error("ENOENTRY").code, Errc::io);
    EXPECT_EQ(error("").code, Errc::io);
}

TEST(WireTest, NumbersAreDecimalAndBounded) {
    const auto number = [](const std::string& text) {
        return parse_store_number(text.data(), static_cast<uint32_t>(text.size()));
    };
    EXPECT_EQ(number("4294967295").value(), 4294967295U);
    EXPECT_EQ(number(std::string("7\0", 2)).value(), 7U);
    EXPECT_FALSE(number("4294967296").ok());
    EXPECT_FALSE(number("99999999999999999999999").ok());
    EXPECT_FALSE(number("-1").ok());
    EXPECT_FALSE(number("").ok());
    EXPECT_FALSE(number("1 ").ok());
}

TEST(WireTest, PathsFollowTheProtocol) {
    for (const char* good : {"a", "/", "/local/domain/0", "control/shutdown", "@releaseDomain"}) {
        EXPECT_TRUE(valid_store_path(good)) << good;
    }
    for (const char* bad : {"", "a/", "//", "a//b", "a b", "a\n", "a.b", "\xc3\xa4"}) {
        EXPECT_FALSE(valid_store_path(bad)) << bad;
    }
    EXPECT_TRUE(valid_store_path(std::string(kStorePathMax, 'a').c_str()));
    EXPECT_FALSE(valid_store_path(std::string(kStorePathMax + 1, 'a').c_str()));
}

}  // namespace
}  // namespace resume::test
