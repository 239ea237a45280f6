#include "agent/config/config.h"

#include <gtest/gtest.h>

#include "temp_root.h"

namespace resume::agent {
namespace {

LoadedConfig parse(std::string_view text) {
    LoadedConfig loaded;
    apply_config(text, "agent.toml", loaded);
    return loaded;
}

TEST(Config, TheDefaultsAreTheRulesOfConduct) {
    const Config config;
    EXPECT_EQ(config.clock_mode, "report");
    EXPECT_EQ(config.rtc_poll, "off");
    EXPECT_TRUE(config.freeze_mounts.empty());
    EXPECT_TRUE(config.request_accept.empty());
    EXPECT_TRUE(config.waive.empty());
    EXPECT_EQ(config.metrics_dir, "");
}

TEST(Config, ADumpReadsBackAsItself) {
    Config config;
    config.freeze_mounts = {"/srv/\"odd\"", "/home"};
    config.clock_mode = "step";
    const std::string text = dump_config(config);
    const auto loaded = parse(text);
    EXPECT_TRUE(loaded.problems.empty());
    EXPECT_EQ(dump_config(loaded.config), text);
}

TEST(Config, ADumpOfOddCharactersReadsBackAsItself) {
    Config config;
    config.freeze_mounts = {"/srv/a\nb", "/srv/\t\x01\x7f", "/srv/größe", "'''", "\\"};
    const auto loaded = parse(dump_config(config));
    ASSERT_TRUE(loaded.problems.empty()) << loaded.problems[0].text();
    EXPECT_EQ(loaded.config.freeze_mounts, config.freeze_mounts);
}

// Found by fuzz-config: toml++ 3.3 ends in undefined behaviour at U+048B in a bare key.
TEST(Config, ABareKeyThatIsNotAsciiIsRefused) {
    const auto loaded = parse("# größe\n[report]\nr\xd2\x8b = 1\n");
    ASSERT_EQ(loaded.problems.size(), 1u);
    EXPECT_EQ(loaded.problems[0].text(),
              "agent.toml:3: a character that is not ASCII stands outside quotes");
    EXPECT_TRUE(loaded.fatal());
}

// Found by fuzz-config: toml++ looks ahead over a bare word, quotes in it and all.
TEST(Config, AQuoteInABareWordHidesNothing) {
    const auto loaded = parse("[report]\nkeep_bytes = 0' \"r\xd2\x8d\n");
    ASSERT_EQ(loaded.problems.size(), 1u);
    EXPECT_EQ(loaded.problems[0].text(),
              "agent.toml:2: a character that is not ASCII stands outside quotes");
}

TEST(Config, QuotesAndCommentsMayHoldAnything) {
    const auto loaded = parse(
        "\xEF\xBB\xBF# é\n[act.freeze]\nmounts = [\"/é\\\"é\", '/é\\', "
        "\"\"\"/é\"\" é\\\"\"\"\"\"\", '''/é\n''é'''] # é\n");
    ASSERT_TRUE(loaded.problems.empty()) << loaded.problems[0].text();
    EXPECT_EQ(loaded.config.freeze_mounts.size(), 4u);
}

TEST(Config, AWrongWordNamesFileLineAndKey) {
    const auto loaded = parse("\n[act.clock]\nmode = \"slew\"\n");
    ASSERT_EQ(loaded.problems.size(), 1u);
    EXPECT_EQ(loaded.problems[0].text(),
              "agent.toml:3: act.clock.mode: must be one of off, report, step");
    EXPECT_TRUE(loaded.fatal());
}

TEST(Config, AnUnknownKeyIsNoErrorAtStart) {
    const auto loaded = parse("[act.clock]\nspeed = 1\n[other]\nx = 1\n");
    ASSERT_EQ(loaded.problems.size(), 2u);
    EXPECT_EQ(loaded.problems[0].text(), "agent.toml:2: act.clock.speed: no such key");
    EXPECT_EQ(loaded.problems[1].text(), "agent.toml:3: other: no such table");
    EXPECT_FALSE(loaded.fatal());
}

TEST(Config, ANumberOutOfRangeIsRefused) {
    const auto loaded = parse("[act.freeze]\nttl_s = 61\n");
    ASSERT_EQ(loaded.problems.size(), 1u);
    EXPECT_EQ(loaded.config.freeze_ttl_s, 10);
}

TEST(Config, BrokenTomlNamesItsLine) {
    const auto loaded = parse("[act\n");
    ASSERT_EQ(loaded.problems.size(), 1u);
    EXPECT_EQ(loaded.problems[0].line, 1u);
}

TEST(Config, DropInsComeAfterTheFileAndInOrder) {
    TempRoot t;
    t.put("/etc/a.toml", "[act.clock]\nmode = \"off\"\n");
    t.put("/etc/a.toml.d/20.toml", "[act.clock]\nmode = \"step\"\n");
    t.put("/etc/a.toml.d/10.toml", "[act.clock]\nmode = \"report\"\n");
    t.put("/etc/a.toml.d/30.toml.bak", "[act.clock]\nmode = \"off\"\n");
    const auto loaded = load_config(t.root, "/etc/a.toml");
    EXPECT_EQ(loaded.config.clock_mode, "step");
    EXPECT_EQ(loaded.files.size(), 3u);
}

TEST(Config, AMissingFileMeansTheDefaults) {
    TempRoot t;
    const auto loaded = load_config(t.root, "/etc/a.toml");
    EXPECT_TRUE(loaded.problems.empty());
    EXPECT_EQ(dump_config(loaded.config), dump_config(Config{}));
}

}  // namespace
}  // namespace resume::agent
