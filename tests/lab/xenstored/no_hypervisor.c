// Lets Debian's C xenstored run on a machine without Xen: preloaded into it, this library stands in
// for the few calls by which xenstored reaches the hypervisor at its start. Its Unix socket then
// serves clients as on a real dom0; every such client is privileged (domid 0), and there are no
// rings. xenstored -D, which would skip these calls, never sets up its database in Xen 4.17.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#include <xenctrl.h>
#include <xenevtchn.h>
#include <xengnttab.h>

static char handle;  // its address is every handle: xenstored only checks for NULL
static evtchn_port_t next_port = 1;
static int events = -1;

xc_interface* xc_interface_open(xentoollog_logger* logger, xentoollog_logger* progress,
                                unsigned flags) {
    (void)logger, (void)progress, (void)flags;
    return (xc_interface*)&handle;
}

int xc_interface_close(xc_interface* interface) {
    (void)interface;
    return 0;
}

// Only dom0 exists.
int xc_domain_getinfo(xc_interface* interface, uint32_t first, unsigned int max,
                      xc_dominfo_t* info) {
    (void)interface;
    if (first != 0 || max == 0) {
        return 0;
    }
    memset(info, 0, sizeof *info);
    return 1;
}

xenevtchn_handle* xenevtchn_open(xentoollog_logger* logger, unsigned int flags) {
    (void)logger, (void)flags;
    events = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    return events < 0 ? NULL : (xenevtchn_handle*)&handle;
}

xenevtchn_handle* xenevtchn_fdopen(xentoollog_logger* logger, int fd, unsigned int flags) {
    (void)logger, (void)flags;
    events = fd;
    return (xenevtchn_handle*)&handle;
}

int xenevtchn_fd(xenevtchn_handle* channels) {
    (void)channels;
    return events;
}

xenevtchn_port_or_error_t xenevtchn_bind_interdomain(xenevtchn_handle* channels, uint32_t domid,
                                                     evtchn_port_t remote) {
    (void)channels, (void)domid, (void)remote;
    return (xenevtchn_port_or_error_t)next_port++;
}

xenevtchn_port_or_error_t xenevtchn_bind_virq(xenevtchn_handle* channels, unsigned int virq) {
    (void)channels, (void)virq;
    return (xenevtchn_port_or_error_t)next_port++;
}

int xenevtchn_notify(xenevtchn_handle* channels, evtchn_port_t port) {
    (void)channels, (void)port;
    return 0;
}

xenevtchn_port_or_error_t xenevtchn_pending(xenevtchn_handle* channels) {
    (void)channels;
    return -1;
}

int xenevtchn_unbind(xenevtchn_handle* channels, evtchn_port_t port) {
    (void)channels, (void)port;
    return 0;
}

int xenevtchn_unmask(xenevtchn_handle* channels, evtchn_port_t port) {
    (void)channels, (void)port;
    return 0;
}

xengnttab_handle* xengnttab_open(xentoollog_logger* logger, unsigned flags) {
    (void)logger, (void)flags;
    return (xengnttab_handle*)&handle;
}

int xengnttab_close(xengnttab_handle* grants) {
    (void)grants;
    return 0;
}

int xengnttab_set_max_grants(xengnttab_handle* grants, uint32_t count) {
    (void)grants, (void)count;
    return 0;
}

void* xengnttab_map_grant_ref(xengnttab_handle* grants, uint32_t domid, uint32_t reference,
                              int protection) {
    (void)grants, (void)domid, (void)reference, (void)protection;
    errno = ENOSYS;
    return NULL;
}

int xengnttab_unmap(xengnttab_handle* grants, void* address, uint32_t pages) {
    (void)grants, (void)address, (void)pages;
    return 0;
}

// xenstored raises its file limit, which a container may refuse; the tests need few files.
int setrlimit(__rlimit_resource_t resource, const struct rlimit* limit) {
    (void)resource, (void)limit;
    return 0;
}

// dom0's own ring page and port number come from files of xenfs.
static int file_of(const char* content, size_t size) {
    const int fd = memfd_create("xenfs", MFD_CLOEXEC);
    if (fd < 0 || ftruncate(fd, (off_t)size) != 0) {
        return -1;
    }
    if (content != NULL && pwrite(fd, content, strlen(content), 0) < 0) {
        return -1;
    }
    return fd;
}

int open(const char* path, int flags, ...) {
    if (strstr(path, "/xsd_kva") != NULL) {
        return file_of(NULL, 4096);
    }
    if (strstr(path, "/xsd_port") != NULL) {
        return file_of("1", 1);
    }
    mode_t mode = 0;
    if ((flags & O_CREAT) != 0) {
        va_list arguments;
        va_start(arguments, flags);
        mode = va_arg(arguments, mode_t);
        va_end(arguments);
    }
    int (*next)(const char*, int, ...) = (int (*)(const char*, int, ...))dlsym(RTLD_NEXT, "open");
    return next(path, flags, mode);
}
