// The connection to a real xenstored, which lets only one client wait at its door.
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <thread>
#include <vector>

#include "drivers/model/store/socket.h"

namespace resume::test {
namespace {

TEST(StoreSocketTest, WaitsAtADoorWhereAnotherStands) {
    const std::string path = testing::TempDir() + "/door." + std::to_string(getpid());
    sockaddr_un address{.sun_family = AF_UNIX, .sun_path = {}};
    path.copy(address.sun_path, sizeof address.sun_path - 1);
    const auto* const at = reinterpret_cast<const sockaddr*>(&address);
    const int door = socket(AF_UNIX, SOCK_STREAM, 0);
    ASSERT_EQ(bind(door, at, sizeof address), 0);
    ASSERT_EQ(listen(door, 0), 0);
    std::vector<int> others;
    int error = 0;
    while (error == 0) {
        const int other = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);
        error = connect(other, at, sizeof address) == 0 ? 0 : errno;
        others.push_back(other);
    }
    ASSERT_EQ(error, EAGAIN);
    std::thread daemon{[&] {
        for (size_t i = 0; i < others.size(); ++i) {  // all that wait, and us; one never came in
            close(accept(door, nullptr, nullptr));
        }
    }};
    model::StoreSocket store{path};
    EXPECT_EQ(store.open(), "");
    shutdown(door, SHUT_RDWR);  // a daemon that still waits need not
    daemon.join();
    for (const int other : others) {
        close(other);
    }
    close(door);
    unlink(path.c_str());
}

}  // namespace
}  // namespace resume::test
