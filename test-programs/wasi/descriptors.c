/* Descriptors: what the standard streams are, flags, and numbers that are not open. */
#include "check.h"
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>
#include <wasi/api.h>

int main(void) {
    struct stat status;
    __wasi_fdstat_t flags;
    for (int fd = 0; fd < 3; fd++) {
        CHECK(__wasi_fd_fdstat_get(fd, &flags) == 0);
        CHECK(fstat(fd, &status) == 0);
    }
    puts("open");
    fflush(stdout);
    CHECK(fcntl(1, F_GETFL) >= 0);
    CHECK(lseek(1, 0, SEEK_CUR) == -1 && errno == ESPIPE);
    CHECK(write(99, "", 0) == -1 && errno == EBADF && read(99, &status, 1) == -1 && errno == EBADF);
    CHECK(__wasi_fd_close(99) == __WASI_ERRNO_BADF && __wasi_fd_renumber(99, 98) == __WASI_ERRNO_BADF);
    puts("not open");
    fflush(stdout);
    int fd = open("/data/hello.txt", O_RDONLY), other = open("/data/apple.txt", O_RDONLY);
    CHECK(fd > 2 && other > fd && __wasi_fd_renumber(other, fd) == 0 && close(other) == -1);
    char byte;
    CHECK(fstat(fd, &status) == 0 && S_ISREG(status.st_mode) && read(fd, &byte, 1) >= 0 && close(fd) == 0);
    CHECK(__wasi_sched_yield() == 0);
    puts("renumbered");
    return 0;
}
