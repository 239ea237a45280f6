/* resume-store-follow: says `home PATH`, and `fired TOKEN` for each watch on data/lab/watched. */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>

#include "libresume/store/store.h"

int main(int argc, char** argv) {
    resume_store* store = NULL;
    if (resume_store_open(&store) != 0 || argc != 2) {
        return 69;
    }
    const int watched = resume_store_watch(store, argv[1], "w");
    printf("home %s\nwatch %d\n", resume_store_home(store), watched);
    fflush(stdout);
    while (watched == 0) {
        /* Now and then: a lost connection does not show there. */
        struct pollfd ready = {.fd = resume_store_fd(store), .events = POLLIN};
        poll(&ready, 1, 500);
        char* token = NULL;
        int got = 0;
        while ((got = resume_store_next(store, &token)) == 1) {
            printf("fired %s\n", token);
            fflush(stdout);
            free(token);
        }
        if (got < 0 && got != -ECONNREFUSED && got != -ENOENT) {
            return 1;
        }
    }
    resume_store_close(store);
    return 0;
}
