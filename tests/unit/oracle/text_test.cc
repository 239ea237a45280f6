// The text format there and back, and everything that can be wrong with it.
#include <gtest/gtest.h>

#include <sstream>

#include "libresume/oracle/text_reader.h"
#include "libresume/trace_text.h"
#include "tests/unit/oracle/story.h"

namespace resume::oracle {
namespace {

std::string text_of(const TraceView& view, uint32_t part = 0) {
    std::vector<TraceEvent> ring(1U << 16);
    Trace trace{ring.data(), static_cast<uint32_t>(ring.size())};
    for (const TraceEvent& event : view.events) {
        trace.write(event);
    }
    std::vector<TraceDevice> devices;
    std::vector<TraceLink> links;
    for (const auto& [id, info] : view.devices) {
        devices.push_back({id, info.parent, info.rank, info.name.c_str()});
        for (const DeviceId supplier : info.suppliers) {
            links.push_back({id, supplier});
        }
    }
    const TraceTextInfo info{.frequency = view.frequency,
                             .guest = view.guest.c_str(),
                             .vcpus = view.vcpus,
                             .sights = view.sights,
                             .part = part,
                             .devices = devices.data(),
                             .device_count = static_cast<uint32_t>(devices.size()),
                             .links = links.data(),
                             .link_count = static_cast<uint32_t>(links.size())};
    TraceTextWriter writer{trace, info};
    std::string text;
    char buffer[kTraceTextLine];
    while (const uint32_t length = writer.next(buffer, sizeof buffer)) {
        text.append(buffer, length);
    }
    return text;
}

struct Read {
    std::vector<TraceView> traces;
    std::optional<ReadError> error;
    uint64_t ours = 0;
};

Read read(const std::string& text, TextLimits limits = {}) {
    TextReader reader{limits};
    std::istringstream stream{text};
    std::string line;
    Read result;
    for (uint64_t number = 1; std::getline(stream, line); ++number) {
        result.ours += reader.line(line, number) ? 1 : 0;
    }
    result.traces = reader.finish();
    result.error = reader.error();
    return result;
}

TEST(TraceText, ComesBackAsItWas) {
    Story story;
    story.resumed().aborted();
    const Read back = read(text_of(story.view()));
    ASSERT_FALSE(back.error) << back.error->cause;
    ASSERT_EQ(back.traces.size(), 1U);
    const TraceView& view = back.traces[0];
    EXPECT_EQ(view.guest, "xen-pvh");
    EXPECT_EQ(view.vcpus, 2U);
    EXPECT_EQ(view.frequency, 1'000'000'000U);
    EXPECT_EQ(view.sights, Sight::all);
    EXPECT_EQ(view.device_name(Story::kNet), "net");
    ASSERT_EQ(view.events.size(), story.size());
    for (size_t i = 0; i < view.events.size(); ++i) {
        EXPECT_EQ(view.events[i].arg64, story.at(i).arg64);
        EXPECT_EQ(view.events[i].status, story.at(i).status);
        EXPECT_EQ(view.events[i].kind, story.at(i).kind);
        EXPECT_EQ(view.events[i].phase, story.at(i).phase);
    }
    EXPECT_TRUE(judge(view).clean());
}

TEST(TraceText, IsFoundOnASharedConsole) {
    Story story;
    story.cancelled();
    std::istringstream lines{text_of(story.view())};
    std::string line;
    std::string console = "Xen 4.17.7 booting\r\n";
    while (std::getline(lines, line)) {
        console += "(XEN) [   12.345] (d12) " + line + "\r\n";
        console += "xen: lrtx nothing of ours\n";
    }
    const Read back = read(console);
    ASSERT_FALSE(back.error) << back.error->cause;
    ASSERT_EQ(back.traces.size(), 1U);
    EXPECT_TRUE(judge(back.traces[0]).clean());
}

TEST(TraceText, JoinsThePiecesOfOneHistory) {
    Story story;
    story.resumed().resumed();
    TraceView first = story.view();
    TraceView second = story.view();
    const size_t cut = story.find(EventKind::cycle_end) + 1;
    first.events.resize(cut);
    second.events.erase(second.events.begin(),
                        second.events.begin() + static_cast<std::ptrdiff_t>(cut));
    const Read joined = read(text_of(first, 1) + text_of(second, 2));
    ASSERT_EQ(joined.traces.size(), 1U);
    EXPECT_EQ(joined.traces[0].events.size(), story.size());
    EXPECT_TRUE(judge(joined.traces[0]).clean());
    EXPECT_EQ(read(text_of(first) + text_of(second)).traces.size(), 2U);
}

TEST(TraceText, ThatIsCutOffProvesNothing) {
    Story story;
    story.cancelled();
    std::string text = text_of(story.view());
    text.erase(text.rfind("lrt end"));
    const Read back = read(text);
    ASSERT_FALSE(back.error);
    ASSERT_EQ(back.traces.size(), 1U);
    EXPECT_EQ(judge(back.traces[0]).inconclusive, "the text of the trace was cut off");
}

struct Bad {
    const char* text;
    uint64_t line;
    const char* cause;
};

const Bad kBad[] = {
    {"lrt event 1\n", 1, "'event' before the line 'libresume-trace 1'"},
    {"lrt libresume-trace 2\n", 1, "this version of the format is not known here"},
    {"lrt libresume-trace 1\nlrt colour red\n", 2, "unknown line 'colour'"},
    {"lrt libresume-trace 1\nlrt frequency 99999999999999999999\n", 2,
     "frequency is not a number that fits: '99999999999999999999'"},
    {"lrt libresume-trace 1\nlrt guest x vcpus 0\n", 2, "vcpus is out of range"},
    {"lrt libresume-trace 1\nlrt guest x cpus 1\n", 2, "'guest NAME vcpus N' expected"},
    {"lrt libresume-trace 1\nlrt sights hypercalls dreams\n", 2, "unknown sight 'dreams'"},
    {"lrt libresume-trace 1\nlrt device 1 0 king a\n", 2, "unknown rank 'king'"},
    {"lrt libresume-trace 1\nlrt device 1 0 none a\nlrt device 1 0 none b\n", 3,
     "device 1 stands in the table twice"},
    {"lrt libresume-trace 1\nlrt link 1 2\n", 2, "a link of device 1, which is not in the table"},
    {"lrt libresume-trace 1\nlrt event 1 0 engine cycle_begin 0 none 0 0x0\n", 2,
     "arg64 is not a number that fits: ''"},
    {"lrt libresume-trace 1\nlrt event 1 0 engine dance 0 none 0 0x0 0x0\n", 2,
     "unknown event kind 'dance'"},
    {"lrt libresume-trace 1\nlrt event 1 300 engine note 0 none 0 0x0 0x0\n", 2,
     "cpu is not a number that fits: '300'"},
    {"lrt libresume-trace 1\nlrt event 1 0 engine note 0 none 0 0x0 0x0 9\n", 2,
     "more words than the line should have"},
    {"lrt libresume-trace 1\nlrt end 3\n", 2, "the trace has 0 events where its last line says 3"},
};

TEST(TraceText, NamesLineAndCauseOfWhatIsWrong) {
    for (const Bad& bad : kBad) {
        const Read back = read(bad.text);
        ASSERT_TRUE(back.error) << bad.text;
        EXPECT_EQ(back.error->line, bad.line) << bad.text;
        EXPECT_EQ(back.error->cause, bad.cause) << bad.text;
    }
}

TEST(TraceText, IsBounded) {
    Story story;
    story.cancelled();
    const Read back = read(text_of(story.view()), {.events = 10});
    ASSERT_TRUE(back.error);
    EXPECT_EQ(back.error->cause, "more events than the reader takes");
}

}  // namespace
}  // namespace resume::oracle
