/* Links the client and says whether an agent runs; 0 where none does and the library said so. */
#include <libresume/client/client.h>

#include <errno.h>
#include <stdio.h>

int main(void) {
    resume_client_options options = {
        .size = sizeof options, .socket_path = "/nonexistent/agent.sock", .label = "consumer"};
    resume_client* client = NULL;
    if (resume_client_open(&options, &client) != 0) {
        return 1;
    }
    const int state = resume_client_state(client);
    puts(resume_client_explain(state));
    resume_client_close(client);
    return state == -ENOENT ? 0 : 2;
}
