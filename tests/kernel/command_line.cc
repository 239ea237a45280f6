#include "tests/kernel/command_line.h"

#include "libresume/assert.h"
#include "tests/kernel/machine_state.h"

namespace kernel {
namespace {

/// One word in memory of its own, ended by a zero.
struct Word {
    char text[64] = {};

    /// What stands behind `key`, null when the word does not begin with it.
    [[nodiscard]] const char* value_of(const char* key) const noexcept {
        const char* at = text;
        for (; *key != '\0'; ++key, ++at) {
            if (*at != *key) {
                return nullptr;
            }
        }
        return at;
    }
};

[[noreturn]] void refuse(const char* what, const char* value) noexcept {
    print(Line{}.text(what).text(value));
    resume::panic("the command line cannot be right", __FILE__, __LINE__);
}

uint64_t number(const char* text) noexcept {
    uint64_t value = 0;
    const char* at = text;
    for (; *at >= '0' && *at <= '9' && value < 1'000'000'000; ++at) {
        value = value * 10 + static_cast<uint64_t>(*at - '0');
    }
    if (*at != '\0' || at == text) {
        refuse("not a number: ", text);
    }
    return value;
}

void take_bugs(CommandLine& result, const char* names) noexcept {
    uint32_t shown = 0;
    while (*names != '\0') {
        Word name;
        for (uint32_t i = 0; *names != '\0' && *names != ','; ++names) {
            if (i + 1 < sizeof(name.text)) {
                name.text[i++] = *names;
            }
        }
        names += *names == ',' ? 1 : 0;
        const resume::Bug bug = resume::bug_named(name.text);
        if (bug == resume::Bug::none) {
            refuse("no such bug: ", name.text);
        }
        result.bugs = result.bugs.with(bug);
        for (const char* at = name.text; *at != '\0' && shown + 2 < sizeof(result.bug_names);
             ++at) {
            result.bug_names[shown++] = *at;
        }
        result.bug_names[shown] = *names != '\0' ? ',' : '\0';
        shown += *names != '\0' ? 1 : 0;
    }
}

void take_callback(CommandLine& result, const char* value) noexcept {
    using resume::CallbackMode;
    if (equal(value, "vector")) {
        result.callback.mode = CallbackMode::global_vector;
    } else if (equal(value, "upcall")) {
        result.callback.mode = CallbackMode::vcpu_vector;
    } else {
        refuse("no such callback: ", value);
    }
}

void take(CommandLine& result, const Word& word) noexcept {
    if (const char* bugs = word.value_of("bug=")) {
        take_bugs(result, bugs);
    } else if (const char* devices = word.value_of("devices=")) {
        result.devices = static_cast<uint32_t>(number(devices));
    } else if (const char* tick = word.value_of("tick_ms=")) {
        result.tick_ms = static_cast<uint32_t>(number(tick));
    } else if (const char* traffic = word.value_of("traffic=")) {
        result.traffic = number(traffic) != 0;
    } else if (const char* net = word.value_of("net=")) {
        result.net = number(net) != 0;
    } else if (const char* disk = word.value_of("disk=")) {
        result.disk = static_cast<uint32_t>(number(disk));
    } else if (const char* balloon = word.value_of("balloon=")) {
        result.balloon = static_cast<uint32_t>(number(balloon));
    } else if (const char* fifo = word.value_of("fifo=")) {
        result.fifo = number(fifo) != 0;
    } else if (const char* persistent = word.value_of("persistent=")) {
        result.persistent = number(persistent) != 0;
    } else if (const char* seed = word.value_of("seed=")) {
        result.seed = number(seed);
    } else if (const char* callback = word.value_of("callback=")) {
        take_callback(result, callback);
    } else {
        print(Line{}.text("IGNORED word=").text(word.text));
    }
}

}  // namespace

CommandLine parse_command_line(const char* text) noexcept {
    CommandLine result;
    while (text != nullptr && *text != '\0') {
        Word word;
        uint32_t size = 0;
        for (; *text != '\0' && *text != ' '; ++text) {
            if (size + 1 < sizeof(word.text)) {
                word.text[size++] = *text;
            }
        }
        if (size > 0) {
            take(result, word);
        }
        text += *text == ' ' ? 1 : 0;
    }
    return result;
}

}  // namespace kernel
