/* Directories: made, listed and removed below /scratch; /data is listed. */
#include "check.h"
#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

static int compare(const void *left, const void *right) { return strcmp(*(char **)left, *(char **)right); }

static void list(const char *path) {
    char *names[64];
    int count = 0;
    DIR *directory = opendir(path);
    CHECK(directory);
    for (struct dirent *entry; (entry = readdir(directory));)
        if (entry->d_name[0] != '.') names[count++] = strdup(entry->d_name);
    CHECK(closedir(directory) == 0);
    qsort(names, count, sizeof *names, compare);
    printf("%s:", path);
    for (int i = 0; i < count; i++) printf(" %s", names[i]);
    putchar('\n');
    fflush(stdout);
}

int main(void) {
    struct stat status;
    list("/data");
    CHECK(mkdir("/scratch/a", 0700) == 0 && mkdir("/scratch/a", 0700) == -1 && errno == EEXIST);
    CHECK(mkdir("/scratch/a/b", 0700) == 0 && stat("/scratch/a/b", &status) == 0 && S_ISDIR(status.st_mode));
    for (int i = 0; i < 3; i++) {
        char path[32];
        snprintf(path, sizeof path, "/scratch/a/file-%d", i);
        int fd = open(path, O_WRONLY | O_CREAT, 0600);
        CHECK(fd > 2 && close(fd) == 0);
    }
    list("/scratch/a");
    CHECK(rmdir("/scratch/a") == -1 && errno == ENOTEMPTY);
    CHECK(unlink("/scratch/a/file-0") == 0 && unlink("/scratch/a/file-1") == 0 && unlink("/scratch/a/file-2") == 0);
    CHECK(rename("/scratch/a/b", "/scratch/c") == 0 && rmdir("/scratch/a") == 0 && rmdir("/scratch/c") == 0);
    list("/scratch");
    CHECK(opendir("/scratch/a") == 0 && errno == ENOENT);
    return 0;
}
