/*
 * libresume-store: a tool's end of xenstore that survives what a suspend does to it. Plain C on top
 * of libxenstore (link with -lresume-store -lxenstore).
 *
 * A suspend with a transaction open tears it: its next request, or its end, fails with EAGAIN or
 * ENOENT, and a tool that takes this for a refusal loses what it wanted to write. A restored guest
 * may also be another domain, so that absolute paths of before are somebody else's. Here a
 * transaction is a function that is called again, whole, until it was carried out; and paths are
 * relative to the guest's own home.
 *
 * What it cannot mend: Linux ends a torn transaction without a word to xenstored, where it stays
 * open if the suspend was cancelled and counts against the guest's quota (10). Keep transactions
 * short.
 *
 *     static int add_one(struct xs_handle* xs, xs_transaction_t t, void* data) {
 *         ... xs_read(xs, t, "data/counter", &size) ... xs_write(xs, t, "data/counter", ...)
 *         return done ? 0 : -errno;
 *     }
 *     resume_store* store;
 *     resume_store_open(&store);
 *     resume_store_transaction(store, add_one, &data);
 *
 * Errors: functions return 0 or more, or a negative errno. Threads: one at a time for each store.
 */
#pragma once

#include <stdint.h>
#include <xenstore.h>

#ifdef __cplusplus
extern "C" {
#endif

/* NOLINTBEGIN(modernize-use-using,readability-identifier-naming): C's */
typedef struct resume_store resume_store;

/*
 * All that one transaction does, by relative paths. 0, or a negative errno of the call that failed.
 * It may be called several times, each time from the beginning: what it keeps in `data` must not
 * count up. What it opened it also frees; it never ends the transaction.
 */
typedef int (*resume_store_body)(struct xs_handle* xs, xs_transaction_t transaction, void* data);
/* NOLINTEND(modernize-use-using,readability-identifier-naming) */

/* Connects to the guest's xenstore, by libxenstore's own ways. */
int resume_store_open(resume_store** store);
/* NULL is allowed. */
void resume_store_close(resume_store* store);

/*
 * libxenstore's handle, for single requests outside of a transaction. Owned by the store; it may be
 * another one after each call of these functions, and NULL while the daemon is away.
 */
struct xs_handle* resume_store_handle(resume_store* store);
/* What to poll for POLLIN before resume_store_next(); may change as the handle does. */
int resume_store_fd(resume_store* store);

/*
 * Calls `body` in a transaction and commits it. Torn by a suspend, in conflict with another's, or
 * with the connection lost: all of it again. An error of `body` in a transaction that is whole is
 * returned, with nothing written. -EAGAIN: in conflict for a thousand times.
 * A connection that is lost between a commit and its answer makes the body run twice: a suspend
 * does not do that, since the kernel lets no request be under way then; the end of the daemon may.
 */
int resume_store_transaction(resume_store* store, resume_store_body body, void* data);

/*
 * Watches `path`, which is relative to the guest's home, or absolute below it and then made
 * relative; others are -EINVAL. It stays through suspends and lost connections, and fires once
 * behind each, since anything may have changed meanwhile: read again. `token` is copied.
 */
int resume_store_watch(resume_store* store, const char* path, const char* token);

/*
 * Never waits. 1: *token is that of a watch that fired, to be freed; 0: none has. -ECONNREFUSED or
 * -ENOENT: the daemon is away; it is looked for again by the next call. That only happens to a
 * program that reaches the daemon by a socket, which a guest does not, and the descriptor does not
 * tell of it: such a program calls now and then.
 */
int resume_store_next(resume_store* store, char** token);

/*
 * The guest's home, "/local/domain/N", as it is now; a restore may have changed it. NULL where it
 * cannot be known. Valid until the next call.
 */
const char* resume_store_home(resume_store* store);

#ifdef __cplusplus
}
#endif
