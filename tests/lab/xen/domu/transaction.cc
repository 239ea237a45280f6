// resume-lab-transaction: a store client with a transaction open. Says `open`, waits for a line on
// its input, then commits and says how that went. A suspend in between tears the transaction.
#include <cerrno>
#include <cstdio>
#include <cstring>

extern "C" {
#include <xenstore.h>
}

int main() {
    xs_handle* store = xs_open(0);
    const xs_transaction_t transaction = store == nullptr ? XBT_NULL : xs_transaction_start(store);
    if (transaction == XBT_NULL || !xs_write(store, transaction, "data/lab/torn", "1", 1)) {
        printf("cannot open a transaction: %s\n", strerror(errno));
        return 70;
    }
    puts("open");
    fflush(stdout);
    getchar();
    errno = 0;
    const bool committed = xs_transaction_end(store, transaction, false);
    printf("commit: %s\n", committed ? "ok" : strerror(errno));
    xs_close(store);
    return 0;
}
