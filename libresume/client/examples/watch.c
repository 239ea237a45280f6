/* Gets ready before each suspend and says what came of it: cc watch.c $(pkg-config --cflags --libs
 * libresume-client) */
#include <libresume/client/client.h>

#include <poll.h>
#include <stdio.h>

static void handle(resume_client* client, const resume_client_event* event) {
    switch (event->type) {
        case RESUME_CLIENT_BEFORE:
            printf("a suspend comes (%s), %u ms to get ready\n", event->kind, event->deadline_ms);
            /* here: flush, drop leases, stop what must not be torn */
            if (resume_client_answer(client, event->token, RESUME_CLIENT_READY, NULL) == 0) {
                puts("too late");
            }
            break;
        case RESUME_CLIENT_AFTER:
            printf("%s: %s\n", event->kind, event->outcome);
            break;
        case RESUME_CLIENT_CONNECTED:
        case RESUME_CLIENT_DISCONNECTED:
            puts(resume_client_explain(resume_client_state(client)));
            break;
        default: /* a later library's */
            break;
    }
}

int main(void) {
    resume_client* client = NULL;
    const int error = resume_client_open(NULL, &client);
    if (error < 0) {
        fprintf(stderr, "watch: %s\n", resume_client_explain(error));
        return 70;
    }
    puts(resume_client_explain(resume_client_state(client)));
    resume_client_subscribe(client);
    struct pollfd ready = {.fd = resume_client_fd(client), .events = POLLIN, .revents = 0};
    while (poll(&ready, 1, -1) >= 0) {
        resume_client_event* event = NULL;
        while (resume_client_next(client, &event) == 1) {
            handle(client, event);
            resume_client_event_free(event);
        }
    }
    resume_client_close(client);
    return 0;
}
