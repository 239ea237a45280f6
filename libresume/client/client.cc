// The C functions: arguments checked, one call at a time, nothing thrown out of them.
#include "libresume/client/client.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include <algorithm>
#include <memory>
#include <mutex>
#include <new>

#include "libresume/client/session.h"

struct resume_client {
    resume_client(std::string path, std::string label)
        : session{std::move(path), std::move(label)} {}
    std::mutex lock{};
    const pid_t owner = ::getpid();
    resume::client::Session session;
};

namespace {

using nlohmann::json;
using resume::client::Event;

constexpr const char* kSocketPath = "/run/libresume/agent.sock";
constexpr size_t kMostLabel = 64;

/// An event and what its strings point to.
struct HeldEvent : resume_client_event {
    Event text{};
};

/// `code` with the client locked; its result, -ECHILD in a child of the client's process, whose
/// lock may be held by a thread that the child does not have.
template <class Code>
int locked(resume_client* client, Code code) noexcept {
    if (client == nullptr) {
        return -EINVAL;
    }
    if (client->owner != ::getpid()) {
        return -ECHILD;
    }
    try {
        const std::lock_guard guard{client->lock};
        return code(client->session);
    } catch (const std::bad_alloc&) {
        return -ENOMEM;
    } catch (...) {
        return -EPROTO;
    }
}

std::string label_of(const resume_client_options& options) {
    const char* const label =
        options.label != nullptr ? options.label : program_invocation_short_name;
    return {label, ::strnlen(label, kMostLabel)};
}

/// A boolean of the reply as 0 or 1, or its error.
int flag_of(const resume::client::Session::Reply& reply, const char* name) {
    if (reply.error != 0) {
        return -reply.error;
    }
    const auto value = reply.parameters.find(name);
    return value != reply.parameters.end() && *value == true ? 1 : 0;
}

resume_client_event* made_of(Event&& text) {
    auto held = std::make_unique<HeldEvent>();
    held->text = std::move(text);
    resume_client_event& event = *held;
    event = {.size = sizeof(resume_client_event),
             .type = held->text.type,
             .deadline_ms = held->text.deadline_ms,
             .token = held->text.token.c_str(),
             .kind = held->text.kind.c_str(),
             .outcome = held->text.outcome.c_str(),
             .id = held->text.id.c_str(),
             .report = held->text.report.c_str()};
    return held.release();
}

}  // namespace

int resume_client_open(const resume_client_options* options, resume_client** client) {
    resume_client_options known{};
    if (client == nullptr || (options != nullptr && options->size < sizeof options->size)) {
        return -EINVAL;
    }
    if (options != nullptr) {
        memcpy(&known, options, std::min(options->size, sizeof known));
    }
    try {
        auto made = std::make_unique<resume_client>(
            known.socket_path != nullptr ? known.socket_path : kSocketPath, label_of(known));
        if (const int error = made->session.open(); error != 0) {
            return -error;
        }
        *client = made.release();
        return 0;
    } catch (const std::bad_alloc&) {
        return -ENOMEM;
    }
}

void resume_client_close(resume_client* client) {
    delete client;
}

int resume_client_fd(resume_client* client) {
    return locked(client, [](auto& session) { return session.fd(); });
}

int resume_client_state(resume_client* client) {
    return locked(client, [](auto& session) { return -session.state(); });
}

int resume_client_subscribe(resume_client* client) {
    return locked(client, [](auto& session) {
        session.subscribe();
        return 0;
    });
}

int resume_client_next(resume_client* client, resume_client_event** event) {
    if (event == nullptr) {
        return -EINVAL;
    }
    return locked(client, [event](auto& session) {
        Event text;
        if (!session.next(text)) {
            return 0;
        }
        *event = made_of(std::move(text));
        return 1;
    });
}

void resume_client_event_free(resume_client_event* event) {
    delete static_cast<HeldEvent*>(event);
}

int resume_client_answer(resume_client* client, const char* token, int answer, const char* reason) {
    if (token == nullptr || (answer != RESUME_CLIENT_READY && answer != RESUME_CLIENT_REFUSE)) {
        return -EINVAL;
    }
    return locked(client, [&](auto& session) {
        return flag_of(
            session.call("Answer", {{"token", token},
                                    {"answer", answer == RESUME_CLIENT_READY ? "ready" : "refuse"},
                                    {"reason", reason != nullptr ? reason : ""}}),
            "taken");
    });
}

int resume_client_hold(resume_client* client, uint32_t ttl_s, const char* label, uint64_t* hold) {
    if (hold == nullptr || ttl_s < 1 || ttl_s > 60) {
        return -EINVAL;
    }
    return locked(client, [&](auto& session) {
        const auto reply =
            session.call("Hold", {{"ttl_s", ttl_s}, {"label", label != nullptr ? label : ""}});
        if (reply.error != 0) {
            return -reply.error;
        }
        const auto id = reply.parameters.find("id");
        if (id == reply.parameters.end() || !id->is_number_unsigned()) {
            return -EPROTO;
        }
        *hold = id->template get<uint64_t>();
        return 0;
    });
}

int resume_client_release(resume_client* client, uint64_t hold) {
    return locked(client, [hold](auto& session) {
        return flag_of(session.call("Release", {{"id", hold}}), "taken");
    });
}

const char* resume_client_explain(int error) {
    switch (error < 0 ? -error : error) {
        case 0:
            return "connected to the agent";
        case ENOENT:
        case ECONNREFUSED:
            return "no agent runs here: nobody tells of suspends; install and start resume-agent";
        case EACCES:
            return "not permitted: this needs root or a member of group libresume";
        case ENOTCONN:
        case ECONNRESET:
        case EPIPE:
            return "the agent closed the connection; it is looked for again";
        case ETIMEDOUT:
            return "the agent did not answer in time; it is looked for again";
        case EAGAIN:
            return "the agent is busy; it is looked for again";
        case EPROTO:
        case EMSGSIZE:
            return "what answers at the agent's socket does not speak io.libresume.Agent1";
        case ECHILD:
            return "this client belongs to the parent process: open one after fork()";
        case EINVAL:
            return "a wrong argument";
        case ENOMEM:
            return "out of memory";
        case ENAMETOOLONG:
            return "the socket's path is longer than a socket's address may be";
        default:
            return "an error of the system; its number says which";
    }
}
