/* Prints what a compiled program knows of the client's interface: a line for each size, offset and
 * number. Functions are assigned to pointers of their own type: another signature does not compile.
 */
#include <libresume/client/client.h>

#include <stdio.h>

int (*const open_)(const resume_client_options*, resume_client**) = resume_client_open;
void (*const close_)(resume_client*) = resume_client_close;
int (*const fd_)(resume_client*) = resume_client_fd;
int (*const state_)(resume_client*) = resume_client_state;
int (*const subscribe_)(resume_client*) = resume_client_subscribe;
int (*const next_)(resume_client*, resume_client_event**) = resume_client_next;
void (*const event_free_)(resume_client_event*) = resume_client_event_free;
int (*const answer_)(resume_client*, const char*, int, const char*) = resume_client_answer;
int (*const hold_)(resume_client*, uint32_t, const char*, uint64_t*) = resume_client_hold;
int (*const release_)(resume_client*, uint64_t) = resume_client_release;
const char* (*const explain_)(int) = resume_client_explain;

#define SIZE(type) printf(#type " %zu\n", sizeof(type))
#define FIELD(type, name) \
    printf(#type "." #name " %zu %zu\n", offsetof(type, name), sizeof(((type*)0)->name))
#define NUMBER(name) printf(#name " %d\n", name)

int main(void) {
    SIZE(resume_client_options);
    FIELD(resume_client_options, size);
    FIELD(resume_client_options, socket_path);
    FIELD(resume_client_options, label);
    SIZE(resume_client_event);
    FIELD(resume_client_event, size);
    FIELD(resume_client_event, type);
    FIELD(resume_client_event, deadline_ms);
    FIELD(resume_client_event, token);
    FIELD(resume_client_event, kind);
    FIELD(resume_client_event, outcome);
    FIELD(resume_client_event, id);
    FIELD(resume_client_event, report);
    NUMBER(RESUME_CLIENT_CONNECTED);
    NUMBER(RESUME_CLIENT_DISCONNECTED);
    NUMBER(RESUME_CLIENT_BEFORE);
    NUMBER(RESUME_CLIENT_AFTER);
    NUMBER(RESUME_CLIENT_READY);
    NUMBER(RESUME_CLIENT_REFUSE);
    NUMBER(RESUME_CLIENT_CALL_MS);
    return 0;
}
