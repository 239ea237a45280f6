/*
 * resume-store-counter plain|helper COUNT [torn|slow|thinking]: adds one to data/lab/counter, COUNT
 * times or until SIGTERM, each in a transaction; prints how many it believes to have added. A
 * stand-in for any tool that reads, thinks and writes: `plain` as such tools are written, `helper`
 * by libresume-store. torn: each transaction is ended behind the tool's back once, as a suspend
 * does it. slow: a line is awaited on stdin with the transaction open, after saying `open`.
 * thinking: it takes a moment over each; says first how often it tried.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "libresume/store/store.h"

static const char kNode[] = "data/lab/counter";

enum { THOUGHT_NS = 20000000 };

static volatile sig_atomic_t stopped = 0;

static void stop(int number) {
    (void)number;
    stopped = 1;
}

struct task {
    int torn;
    int slow;
    int thinking;
};

static int add_one(struct xs_handle* xs, xs_transaction_t transaction, void* data) {
    struct task* const task = data;
    unsigned int size = 0;
    char* const old = xs_read(xs, transaction, kNode, &size);
    if (old == NULL && errno != ENOENT) {
        return -errno;
    }
    char text[24];
    snprintf(text, sizeof text, "%ld", (old != NULL ? strtol(old, NULL, 10) : 0) + 1);
    free(old);
    if (task->torn) {
        task->torn = 0;
        xs_transaction_end(xs, transaction, true);
    }
    if (task->slow) {
        task->slow = 0;
        puts("open");
        fflush(stdout);
        getchar();
    }
    if (task->thinking) {
        const struct timespec thought = {.tv_nsec = THOUGHT_NS};
        nanosleep(&thought, NULL);
    }
    return xs_write(xs, transaction, kNode, text, (unsigned int)strlen(text)) ? 0 : -errno;
}

static int plain(struct xs_handle* xs, struct task* task) {
    const xs_transaction_t transaction = xs_transaction_start(xs);
    if (transaction == XBT_NULL) {
        return -errno;
    }
    const int result = add_one(xs, transaction, task);
    return xs_transaction_end(xs, transaction, result != 0) ? result : -errno;
}

int main(int argc, char** argv) {
    if (argc < 3) {
        fputs("usage: resume-store-counter plain|helper COUNT [torn|slow|thinking]\n", stderr);
        return 64;
    }
    resume_store* store = NULL;
    const int opened = resume_store_open(&store);
    if (opened != 0) {
        fprintf(stderr, "no xenstore: %s\n", strerror(-opened));
        return 69;
    }
    const int helper = strcmp(argv[1], "helper") == 0;
    const char* const trouble = argc > 3 ? argv[3] : "";
    const int thinking = strcmp(trouble, "thinking") == 0;
    signal(SIGTERM, stop);
    long tried = 0;
    long added = 0;
    int last = 0;
    for (const long count = strtol(argv[2], NULL, 10); tried < count && !stopped; ++tried) {
        struct task task = {strcmp(trouble, "torn") == 0, strcmp(trouble, "slow") == 0, thinking};
        const int result = helper ? resume_store_transaction(store, add_one, &task)
                                  : plain(resume_store_handle(store), &task);
        added += result == 0;
        last = result != 0 ? result : last;
    }
    if (thinking) {
        printf("%ld tried\n", tried);
    }
    printf("%ld%s%s\n", added, last != 0 ? " " : "", last != 0 ? strerror(-last) : "");
    resume_store_close(store);
    return 0;
}
