/*
 * libresume-client: be told before and after a suspend of this guest, get ready or refuse, ask for
 * time. Plain C over the agent's socket; the wire itself is described in WIRE.md and may be used
 * without this library.
 *
 *     resume_client *client;
 *     resume_client_open(NULL, &client);          works without an agent, too
 *     resume_client_subscribe(client);
 *     ... poll resume_client_fd(client) for POLLIN, then:
 *     resume_client_event *event;
 *     while (resume_client_next(client, &event) == 1) {
 *         if (event->type == RESUME_CLIENT_BEFORE) {
 *             save_everything();
 *             resume_client_answer(client, event->token, RESUME_CLIENT_READY, NULL);
 *         }
 *         resume_client_event_free(event);
 *     }
 *
 * Errors: functions return 0 or more, or a negative errno; resume_client_explain() has the words.
 * Threads: every function may be called from any thread; calls on one client take turns.
 * Fork: a child must not use its parent's client: all but resume_client_close() return -ECHILD
 * there, and closing it there does not disturb the parent. Descriptors are closed on exec.
 * Signals: none is raised or caught (no SIGPIPE).
 * ABI: symbols have the version LIBRESUME_CLIENT_1. Structs only grow at their end and begin with
 * their size.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define RESUME_CLIENT_API __attribute__((visibility("default")))

/* NOLINTBEGIN(modernize-use-using,readability-identifier-naming): C's */
typedef struct resume_client resume_client;

typedef struct resume_client_options {
    size_t size;             /* sizeof(resume_client_options), by the caller */
    const char* socket_path; /* NULL: /run/libresume/agent.sock; copied */
    const char* label;       /* what reports call this program, at most 64 bytes; NULL: its name */
} resume_client_options;

/* Kinds of events. Skip those that you do not know: later versions may have more. */
enum {
    RESUME_CLIENT_CONNECTED = 1,    /* an agent is there, or is there again: holds are gone */
    RESUME_CLIENT_DISCONNECTED = 2, /* it went; it is looked for again by the library */
    RESUME_CLIENT_BEFORE = 3,       /* a suspend is announced: answer by `token` */
    RESUME_CLIENT_AFTER = 4         /* a suspend is over, announced before or not */
};

/* Answers to RESUME_CLIENT_BEFORE. */
enum {
    RESUME_CLIENT_READY = 1,
    RESUME_CLIENT_REFUSE = 2 /* counts for root and group libresume only; else it is "ready" */
};

/* Made by resume_client_next(). Strings are UTF-8 and never NULL; empty where there is nothing. */
typedef struct resume_client_event {
    size_t size; /* how much of this struct the library has filled in */
    uint32_t type;
    uint32_t deadline_ms; /* BEFORE: from now; whoever is later is named in the report */
    const char* token;    /* BEFORE */
    const char* kind;     /* BEFORE, AFTER: "xen-suspend", "s3", "snapshot", ... */
    const char* outcome;  /* AFTER: "resumed", "cancelled", "aborted", "unknown", "none" */
    const char* id;       /* AFTER: the report's */
    const char* report;   /* AFTER: the whole report as JSON (cycle-1.schema.json) */
} resume_client_event;
/* NOLINTEND(modernize-use-using,readability-identifier-naming) */

/*
 * Makes a client and looks for an agent. Returns 0 also where none runs: resume_client_state() says
 * so, and one that starts later is found, at the latest a minute after it did. `options` may be
 * NULL. -EINVAL, -ENOMEM, -ENAMETOOLONG, or what epoll, timerfd and eventfd give.
 */
RESUME_CLIENT_API int resume_client_open(const resume_client_options* options,
                                         resume_client** client);

/* Ends holds and subscription. No other thread may be in a call with this client. NULL is allowed.
 */
RESUME_CLIENT_API void resume_client_close(resume_client* client);

/*
 * One descriptor for the client's whole life, readable when resume_client_next() has something to
 * do. Owned by the client: only poll it.
 */
RESUME_CLIENT_API int resume_client_fd(resume_client* client);

/* 0: connected. Else why not: -ENOENT and -ECONNREFUSED no agent runs, -EACCES not permitted, ...
 */
RESUME_CLIENT_API int resume_client_state(resume_client* client);

/*
 * From now on a suspend waits for this client's answer, and every one ends with an event. Holds
 * across reconnects. 0, also where no agent runs.
 */
RESUME_CLIENT_API int resume_client_subscribe(resume_client* client);

/*
 * Never waits for the agent. 1: *event is the next one, to be freed; 0: none now. Of more than 256
 * that nobody has taken the oldest are dropped.
 */
RESUME_CLIENT_API int resume_client_next(resume_client* client, resume_client_event** event);
RESUME_CLIENT_API void resume_client_event_free(resume_client_event* event);

/*
 * The calls below wait for the agent's reply, at most RESUME_CLIENT_CALL_MS, then the connection is
 * made anew and -ETIMEDOUT returned. Where no agent runs they return that error at once.
 */
#define RESUME_CLIENT_CALL_MS 5000

/*
 * `answer`: READY or REFUSE; `reason` is for people, and may be NULL. 1: taken; 0: too late, or a
 * token that is no longer asked for.
 */
RESUME_CLIENT_API int resume_client_answer(resume_client* client, const char* token, int answer,
                                           const char* reason);

/*
 * Announced suspends wait, at most `ttl_s` seconds (1 to 60) and never past their own deadline.
 * Ends with resume_client_release(), with the connection, or after `ttl_s`. -EACCES: only for root
 * and group libresume. `label` may be NULL.
 */
RESUME_CLIENT_API int resume_client_hold(resume_client* client, uint32_t ttl_s, const char* label,
                                         uint64_t* hold);

/* 1: it held until now; 0: it was over already. Safe twice. */
RESUME_CLIENT_API int resume_client_release(resume_client* client, uint64_t hold);

/* What an error of these functions means and what to do, in one line; never NULL, never freed. */
RESUME_CLIENT_API const char* resume_client_explain(int error);

#ifdef __cplusplus
}
#endif
