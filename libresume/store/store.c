#include "libresume/store/store.h"

#include <errno.h>
#include <sched.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

enum { kMostTries = 1000 };

/* NOLINTBEGIN(readability-identifier-naming): C's */
struct watch {
    struct watch* next;
    char* path;
    char* token;
};

struct resume_store {
    struct xs_handle* xs;
    struct watch* watches;
    char* home;
};
/* NOLINTEND(readability-identifier-naming) */

/* The connection is gone, not refused: libxenstore says so in several ways. */
static bool is_lost(int error) {
    return error == EPIPE || error == ECONNRESET || error == EBADF || error == EIO ||
           error == ENOTCONN || error == ECONNREFUSED;
}

/* A number of before the suspend names no transaction, or one that the kernel knows is torn. */
static bool is_torn(int error) {
    return error == EAGAIN || error == ENOENT;
}

static int connect_again(resume_store* store) {
    if (store->xs != NULL) {
        xs_close(store->xs);
    }
    store->xs = xs_open(0);
    if (store->xs == NULL) {
        return errno != 0 ? -errno : -ECONNREFUSED;
    }
    for (const struct watch* watch = store->watches; watch != NULL; watch = watch->next) {
        if (!xs_watch(store->xs, watch->path, watch->token)) {
            return -errno;
        }
    }
    return 0;
}

int resume_store_open(resume_store** store) {
    resume_store* made = calloc(1, sizeof *made);
    if (made == NULL) {
        return -ENOMEM;
    }
    const int error = connect_again(made);
    if (error != 0) {
        free(made);
        return error;
    }
    *store = made;
    return 0;
}

void resume_store_close(resume_store* store) {
    if (store == NULL) {
        return;
    }
    for (struct watch* watch = store->watches; watch != NULL;) {
        struct watch* const next = watch->next;
        free(watch->path);
        free(watch->token);
        free(watch);
        watch = next;
    }
    if (store->xs != NULL) {
        xs_close(store->xs);
    }
    free(store->home);
    free(store);
}

struct xs_handle* resume_store_handle(resume_store* store) {
    return store->xs;
}

int resume_store_fd(resume_store* store) {
    return store->xs != NULL ? xs_fileno(store->xs) : -1;
}

/* 0: carried out. -EAGAIN: again. Else the error. */
static int try_once(resume_store* store, resume_store_body body, void* data) {
    const xs_transaction_t transaction = xs_transaction_start(store->xs);
    if (transaction == XBT_NULL) {
        return -errno;
    }
    const int result = body(store->xs, transaction, data);
    if (result == 0) {
        return xs_transaction_end(store->xs, transaction, false) ? 0
               : is_torn(errno)                                  ? -EAGAIN
                                                                 : -errno;
    }
    /* ENOENT may be a node that is not there, too: whether the transaction was is told by its end.
     */
    const bool ended = xs_transaction_end(store->xs, transaction, true);
    return !ended && is_torn(errno) ? -EAGAIN : !ended && is_lost(errno) ? -errno : result;
}

int resume_store_transaction(resume_store* store, resume_store_body body, void* data) {
    int result = -EAGAIN;
    for (int i = 0; i < kMostTries && result == -EAGAIN; ++i) {
        if (store->xs == NULL && (result = connect_again(store)) != 0) {
            return result;
        }
        result = try_once(store, body, data);
        if (result < 0 && is_lost(-result)) {
            xs_close(store->xs);
            store->xs = NULL;
            result = -EAGAIN;
        } else if (result == -EAGAIN) {
            sched_yield(); /* let the other one end */
        }
    }
    return result;
}

const char* resume_store_home(resume_store* store) {
    free(store->home);
    store->home = NULL;
    unsigned int size = 0;
    char* const domid = store->xs != NULL ? xs_read(store->xs, XBT_NULL, "domid", &size) : NULL;
    if (domid != NULL) {
        store->home = xs_get_domain_path(store->xs, (unsigned int)strtoul(domid, NULL, 10));
        free(domid);
    }
    return store->home;
}

/* What follows the guest's home and its slash; NULL when `path` is somebody else's. */
static const char* relative(resume_store* store, const char* path) {
    if (path[0] != '/') {
        return path;
    }
    const char* const home = resume_store_home(store);
    const size_t length = home != NULL ? strlen(home) : 0;
    return length != 0 && strncmp(path, home, length) == 0 && path[length] == '/'
               ? path + length + 1
               : NULL;
}

int resume_store_watch(resume_store* store, const char* path, const char* token) {
    if (store->xs == NULL) {
        const int lost = connect_again(store);
        if (lost != 0) {
            return lost;
        }
    }
    const char* const ours = relative(store, path);
    if (ours == NULL || ours[0] == '\0') {
        return -EINVAL;
    }
    struct watch* const watch = calloc(1, sizeof *watch);
    if (watch == NULL) {
        return -ENOMEM;
    }
    watch->path = strdup(ours);
    watch->token = strdup(token);
    int error = watch->path == NULL || watch->token == NULL ? ENOMEM : 0;
    if (error == 0 && !xs_watch(store->xs, watch->path, watch->token)) {
        error = errno;
    }
    if (error != 0) {
        free(watch->path);
        free(watch->token);
        free(watch);
        return -error;
    }
    watch->next = store->watches;
    store->watches = watch;
    return 0;
}

int resume_store_next(resume_store* store, char** token) {
    if (store->xs == NULL) {
        const int error = connect_again(store);
        if (error != 0) {
            return error;
        }
    }
    char** const fired = xs_check_watch(store->xs);
    if (fired != NULL) {
        *token = strdup(fired[XS_WATCH_TOKEN]);
        free(fired);
        return *token != NULL ? 1 : -ENOMEM;
    }
    if (errno == EAGAIN) {
        return 0;
    }
    /* EINVAL: libxenstore has closed the connection meanwhile. */
    if (!is_lost(errno) && errno != EINVAL) {
        return -errno;
    }
    const int error = connect_again(store);
    return error < 0 ? error : 0; /* the watches fire now, for the next call */
}
