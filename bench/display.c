/* Stands between Vireo and libvirt for the console benchmark: where the agent asks libvirt for a guest's display, it gets a
 * connection to the socket in BENCH_DISPLAY instead of one to QEMU. A display draws no faster than its guest; this one sends and
 * takes as fast as it can, so what is measured is the way to it. Loaded with LD_PRELOAD: the program measured is the one shipped. */
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

/* libvirtd and QEMU, which Vireo starts, are to run without this file. */
__attribute__((constructor)) static void alone(void) { unsetenv("LD_PRELOAD"); }

int virDomainOpenGraphicsFD(void *domain, unsigned int index, unsigned int flags) {
    (void)domain, (void)index, (void)flags;
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    const char *path = getenv("BENCH_DISPLAY");
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (!path || fd < 0) return -1;
    strncpy(address.sun_path, path, sizeof address.sun_path - 1);
    if (connect(fd, (struct sockaddr *)&address, sizeof address) == 0) return fd;
    close(fd);
    return -1;
}
