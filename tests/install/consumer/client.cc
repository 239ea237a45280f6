// The same header from C++.
#include <libresume/client/client.h>

int main() {
    resume_client* client = nullptr;
    if (resume_client_open(nullptr, &client) != 0) {
        return 1;
    }
    const bool has_fd = resume_client_fd(client) >= 0;
    resume_client_close(client);
    return has_fd ? 0 : 2;
}
