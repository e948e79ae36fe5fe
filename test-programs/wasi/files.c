/* Files: written, read, moved and removed below /scratch. */
#include "check.h"
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

int main(void) {
    struct stat status;
    char buffer[64] = {0};
    puts("begin");
    fflush(stdout);
    CHECK(stat("/scratch/none", &status) == -1 && errno == ENOENT);
    int fd = open("/scratch/file", O_RDWR | O_CREAT | O_EXCL, 0600);
    CHECK(fd > 2);
    struct iovec parts[2] = {{"hello ", 6}, {"world\n", 6}};
    /* A host may write less than it was given. */
    ssize_t written = writev(fd, parts, 2);
    CHECK(written == 12 || (written == 6 && write(fd, "world\n", 6) == 6));
    CHECK(lseek(fd, 0, SEEK_CUR) == 12 && lseek(fd, 6, SEEK_SET) == 6);
    CHECK(read(fd, buffer, 5) == 5 && !strcmp(buffer, "world"));
    CHECK(pwrite(fd, "W", 1, 6) == 1 && pread(fd, buffer, 6, 5) == 6 && !memcmp(buffer, " World", 6));
    CHECK(ftruncate(fd, 5) == 0 && fstat(fd, &status) == 0 && status.st_size == 5);
    CHECK(fsync(fd) == 0 && close(fd) == 0 && close(fd) == -1 && errno == EBADF);
    puts("written");
    fflush(stdout);
    CHECK(open("/scratch/file", O_RDWR | O_CREAT | O_EXCL, 0600) == -1 && errno == EEXIST);
    fd = open("/scratch/file", O_WRONLY | O_APPEND);
    CHECK(fd > 2 && write(fd, "!", 1) == 1 && close(fd) == 0);
    CHECK(stat("/scratch/file", &status) == 0 && status.st_size == 6 && S_ISREG(status.st_mode));
    CHECK(rename("/scratch/file", "/scratch/moved") == 0 && access("/scratch/file", F_OK) == -1);
    FILE *file = fopen("/scratch/moved", "r");
    CHECK(file && fgets(buffer, sizeof buffer, file) && !strcmp(buffer, "hello!") && fclose(file) == 0);
    puts("moved");
    fflush(stdout);
    CHECK(unlink("/scratch/moved") == 0 && unlink("/scratch/moved") == -1 && errno == ENOENT);
    CHECK(open("/data/hello.txt", O_RDONLY | O_DIRECTORY) == -1 && errno == ENOTDIR);
    puts("removed");
    return 0;
}
