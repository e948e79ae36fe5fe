/* What calls about files answer: an error number a line, to be compared between hosts. One function for each subject. */
#include "check.h"
#include <wasi/api.h>

#define ALL (__WASI_RIGHTS_FD_READ | __WASI_RIGHTS_FD_WRITE | __WASI_RIGHTS_FD_SEEK | __WASI_RIGHTS_FD_TELL)
#define FOLLOW __WASI_LOOKUPFLAGS_SYMLINK_FOLLOW
#define SAY(call) printf("%d: %d\n", __LINE__, (int)(call))

static __wasi_fd_t scratch;
static __wasi_fd_t data;

static __wasi_errno_t open_at(const char *path, int follow, int oflags, __wasi_rights_t rights, int flags, __wasi_fd_t *fd) {
    return __wasi_path_open(scratch, follow, path, oflags, rights, 0, flags, fd);
}

static __wasi_errno_t open_and_close(const char *path, int follow, int oflags, __wasi_rights_t rights) {
    __wasi_fd_t fd;
    __wasi_errno_t error = open_at(path, follow, oflags, rights, 0, &fd);
    return error ? error : __wasi_fd_close(fd);
}

static __wasi_fd_t opened(const char *path, int oflags) {
    __wasi_fd_t fd;
    CHECK(open_at(path, 0, oflags, oflags & __WASI_OFLAGS_DIRECTORY ? __WASI_RIGHTS_FD_READDIR : ALL, 0, &fd) == 0);
    return fd;
}

static void create(const char *path) { CHECK(__wasi_fd_close(opened(path, __WASI_OFLAGS_CREAT)) == 0); }

static void write_text(__wasi_fd_t fd, const char *text) {
    __wasi_ciovec_t part = {(const uint8_t *)text, strlen(text)};
    __wasi_size_t written;
    SAY(__wasi_fd_write(fd, &part, 1, &written));
    printf("%d written\n", (int)written);
}

static void stat_at(const char *path, int follow) {
    __wasi_filestat_t status;
    __wasi_errno_t error = __wasi_path_filestat_get(scratch, follow, path, &status);
    printf("stat %s: %d", path, error);
    if (!error) printf(", type %d, size %d", status.filetype, status.filetype == 3 ? 0 : (int)status.size);
    if (!error && status.filetype == 4) printf(", links %d", (int)status.nlink);
    putchar('\n');
}

static void read_at(__wasi_fd_t fd, int length, int position) {
    uint8_t bytes[64] = {0};
    __wasi_iovec_t parts[2] = {{bytes, length}, {bytes + length, 0}};
    __wasi_size_t got = 0;
    __wasi_errno_t error = position < 0 ? __wasi_fd_read(fd, parts, 2, &got) : __wasi_fd_pread(fd, parts, 2, position, &got);
    printf("read: %d, %d bytes `%.*s`\n", error, (int)got, (int)got, (char *)bytes);
}

static void positions(void) {
    __wasi_filesize_t at = 0;
    __wasi_size_t written;
    __wasi_fd_t fd = opened("file", __WASI_OFLAGS_CREAT);
    write_text(fd, "0123456789");
    SAY(__wasi_fd_seek(fd, -4, __WASI_WHENCE_CUR, &at)), printf("at %d\n", (int)at);
    read_at(fd, 3, -1);
    SAY(__wasi_fd_tell(fd, &at)), printf("at %d\n", (int)at);
    SAY(__wasi_fd_seek(fd, -1, __WASI_WHENCE_SET, &at));
    SAY(__wasi_fd_seek(fd, -100, __WASI_WHENCE_END, &at));
    SAY(__wasi_fd_seek(fd, 20, __WASI_WHENCE_END, &at)), printf("at %d\n", (int)at);
    read_at(fd, 3, -1);
    read_at(fd, 3, 8);
    read_at(fd, 0, 2);
    read_at(fd, 5, 1000);
    __wasi_ciovec_t parts[2] = {{(const uint8_t *)"ab", 2}, {(const uint8_t *)"cd", 2}};
    SAY(__wasi_fd_pwrite(fd, parts, 1, 3, &written));
    read_at(fd, 10, 0);
    SAY(__wasi_fd_pwrite(fd, parts, 1, 15, &written));
    stat_at("file", 0);
    SAY(__wasi_fd_filestat_set_size(fd, 5));
    read_at(fd, 10, 0);
    SAY(__wasi_fd_filestat_set_size(fd, 7));
    stat_at("file", 0);
    SAY(__wasi_fd_advise(fd, 0, 100, __WASI_ADVICE_SEQUENTIAL));
    SAY(__wasi_fd_sync(fd)), SAY(__wasi_fd_datasync(fd));
    SAY(__wasi_fd_close(fd)), SAY(__wasi_fd_close(fd)), SAY(__wasi_fd_tell(fd, &at));
    SAY(open_at("file", 0, 0, ALL, __WASI_FDFLAGS_APPEND, &fd));
    write_text(fd, "end");
    SAY(__wasi_fd_fdstat_set_flags(fd, 0));
    SAY(__wasi_fd_close(fd));
    SAY(open_and_close("file", 0, __WASI_OFLAGS_TRUNC, ALL));
    stat_at("file", 0);
}

static void opening(void) {
    __wasi_fd_t fd, file = opened("file", 0);
    SAY(open_and_close("none", 0, 0, ALL));
    SAY(open_and_close("file", 0, __WASI_OFLAGS_CREAT | __WASI_OFLAGS_EXCL, ALL));
    SAY(open_and_close("file", 0, __WASI_OFLAGS_DIRECTORY, __WASI_RIGHTS_FD_READ));
    SAY(__wasi_path_create_directory(scratch, "dir")), SAY(__wasi_path_create_directory(scratch, "dir"));
    SAY(open_and_close("dir", 0, __WASI_OFLAGS_DIRECTORY, __WASI_RIGHTS_FD_READDIR));
    SAY(__wasi_path_open(file, 0, "x", __WASI_OFLAGS_CREAT, ALL, 0, 0, &fd));
    SAY(__wasi_path_open(file, 0, ".", __WASI_OFLAGS_DIRECTORY, 0, 0, 0, &fd));
    SAY(__wasi_path_open(99, 0, "file", 0, ALL, 0, 0, &fd));
    SAY(open_and_close("", 0, 0, ALL)), SAY(open_and_close("/file", 0, 0, ALL)), SAY(open_and_close("..", 0, 0, ALL));
    SAY(open_and_close("dir/../file", 0, 0, ALL)), SAY(open_and_close("dir/../../file", 0, 0, ALL));
    SAY(open_and_close("dir/.//../././file", 0, 0, ALL)), SAY(open_and_close("file/", 0, 0, ALL));
    SAY(open_and_close("dir/", 0, __WASI_OFLAGS_DIRECTORY, __WASI_RIGHTS_FD_READDIR));
    SAY(open_and_close("dir/none/x", 0, __WASI_OFLAGS_CREAT, ALL));
    SAY(open_and_close("file/x", 0, __WASI_OFLAGS_CREAT, ALL));
    char longest[300];
    memset(longest, 'n', sizeof longest - 1), longest[sizeof longest - 1] = 0;
    SAY(open_and_close(longest, 0, __WASI_OFLAGS_CREAT, ALL));
    SAY(__wasi_fd_close(file));
}

static void rights(void) {
    __wasi_fd_t reader, writer;
    __wasi_size_t count;
    uint8_t byte = 'x';
    __wasi_iovec_t in = {&byte, 1};
    __wasi_ciovec_t out = {&byte, 1};
    SAY(open_at("file", 0, 0, __WASI_RIGHTS_FD_READ, 0, &reader));
    SAY(open_at("file", 0, 0, __WASI_RIGHTS_FD_WRITE, 0, &writer));
    printf("written by a reader: %d\n", __wasi_fd_write(reader, &out, 1, &count) != 0);
    printf("read by a writer: %d\n", __wasi_fd_read(writer, &in, 1, &count) != 0);
    SAY(__wasi_fd_write(writer, &out, 1, &count)), SAY(__wasi_fd_read(reader, &in, 1, &count));
    SAY(__wasi_fd_close(reader)), SAY(__wasi_fd_close(writer));
    __wasi_fd_t directory = opened("dir", __WASI_OFLAGS_DIRECTORY);
    __wasi_filesize_t at;
    SAY(__wasi_fd_seek(directory, 0, __WASI_WHENCE_CUR, &at)), SAY(__wasi_fd_tell(directory, &at));
    printf("a directory read, written: %d %d\n", __wasi_fd_read(directory, &in, 1, &count) != 0,
           __wasi_fd_write(directory, &out, 1, &count) != 0);
    SAY(__wasi_fd_close(directory));
}

static void links(void) {
    uint8_t target[16] = {0};
    __wasi_size_t used = 0;
    SAY(__wasi_path_symlink("file", scratch, "soft")), SAY(__wasi_path_symlink("none", scratch, "dangling"));
    SAY(__wasi_path_symlink("loop", scratch, "loop")), SAY(__wasi_path_symlink("dir", scratch, "to-dir"));
    SAY(__wasi_path_symlink("file", scratch, "soft"));
    SAY(__wasi_path_readlink(scratch, "soft", target, sizeof target, &used)), printf("%d %s\n", (int)used, target);
    SAY(__wasi_path_readlink(scratch, "soft", target, 2, &used)), printf("%d\n", (int)used);
    SAY(__wasi_path_readlink(scratch, "file", target, sizeof target, &used));
    SAY(__wasi_path_readlink(scratch, "none", target, sizeof target, &used));
    stat_at("soft", 0), stat_at("soft", FOLLOW), stat_at("dangling", 0), stat_at("dangling", FOLLOW);
    stat_at("loop", FOLLOW), stat_at("loop/x", 0), stat_at("to-dir", 0), stat_at("to-dir", FOLLOW);
    SAY(open_and_close("soft", 0, 0, ALL)), SAY(open_and_close("soft", FOLLOW, 0, ALL));
    SAY(open_and_close("dangling", 0, 0, ALL)), SAY(open_and_close("dangling", FOLLOW, 0, ALL));
    SAY(open_and_close("loop", FOLLOW, 0, ALL)), SAY(open_and_close("to-dir", FOLLOW, __WASI_OFLAGS_DIRECTORY, 0));
    create("to-dir/inside"), stat_at("dir/inside", 0);
    SAY(__wasi_path_link(scratch, 0, "file", scratch, "hard")), stat_at("hard", 0), stat_at("file", 0);
    SAY(__wasi_path_link(scratch, 0, "file", scratch, "hard")), SAY(__wasi_path_link(scratch, 0, "dir", scratch, "other"));
    SAY(__wasi_path_link(scratch, 0, "none", scratch, "other")), SAY(__wasi_path_link(scratch, 0, "file", scratch, "none/x"));
    SAY(__wasi_path_link(scratch, 0, "soft", scratch, "hard-soft")), stat_at("hard-soft", 0);
    SAY(__wasi_path_unlink_file(scratch, "hard")), stat_at("file", 0);
    for (const char **name = (const char *[]){"soft", "dangling", "loop", "to-dir", "hard-soft", NULL}; *name; name++)
        SAY(__wasi_path_unlink_file(scratch, *name));
}

static void moving(void) {
    create("a"), create("b");
    SAY(__wasi_path_create_directory(scratch, "empty")), SAY(__wasi_path_create_directory(scratch, "full"));
    create("full/x");
    SAY(__wasi_path_rename(scratch, "a", scratch, "b")), stat_at("a", 0), stat_at("b", 0);
    SAY(__wasi_path_rename(scratch, "b", scratch, "empty")), SAY(__wasi_path_rename(scratch, "empty", scratch, "b"));
    SAY(__wasi_path_rename(scratch, "empty", scratch, "full")), SAY(__wasi_path_rename(scratch, "full", scratch, "empty"));
    stat_at("empty/x", 0), stat_at("full", 0);
    SAY(__wasi_path_rename(scratch, "none", scratch, "other")), SAY(__wasi_path_rename(scratch, "b", scratch, "none/b"));
    SAY(__wasi_path_rename(scratch, "empty", scratch, "empty/inside")), SAY(__wasi_path_rename(scratch, "b", scratch, "b"));
    SAY(__wasi_path_rename(scratch, "b", scratch, "empty/b")), stat_at("empty/b", 0);
    __wasi_fd_t directory = opened("empty", __WASI_OFLAGS_DIRECTORY);
    SAY(__wasi_path_rename(directory, "b", scratch, "b")), stat_at("b", 0);
    SAY(__wasi_fd_close(directory));
    SAY(__wasi_path_remove_directory(scratch, "empty")), SAY(__wasi_path_unlink_file(scratch, "empty/x"));
    SAY(__wasi_path_remove_directory(scratch, "empty")), SAY(__wasi_path_remove_directory(scratch, "empty"));
    SAY(__wasi_path_remove_directory(scratch, "b")), SAY(__wasi_path_unlink_file(scratch, "b"));
    SAY(__wasi_path_unlink_file(scratch, "dir") != 0), SAY(__wasi_path_unlink_file(scratch, "none"));
}

static void gone(void) {
    __wasi_fd_t fd = opened("gone", __WASI_OFLAGS_CREAT);
    write_text(fd, "kept");
    SAY(__wasi_path_unlink_file(scratch, "gone")), stat_at("gone", 0);
    read_at(fd, 4, 0);
    write_text(fd, " on");
    read_at(fd, 10, 0);
    SAY(__wasi_fd_close(fd));
    SAY(__wasi_path_create_directory(scratch, "leaving"));
    fd = opened("leaving", __WASI_OFLAGS_DIRECTORY);
    SAY(__wasi_path_remove_directory(scratch, "leaving"));
    __wasi_fd_t inside;
    SAY(__wasi_path_open(fd, 0, "x", __WASI_OFLAGS_CREAT, ALL, 0, 0, &inside));
    SAY(__wasi_fd_close(fd));
}

static void listing(void) {
    SAY(__wasi_path_create_directory(scratch, "list"));
    for (int i = 0; i < 9; i++) {
        char path[] = "list/file-0";
        path[10] += i;
        create(path);
    }
    __wasi_fd_t fd = opened("list", __WASI_OFLAGS_DIRECTORY);
    /* Each entry read anew from its cookie: how many, and the sum of what they are named. */
    uint8_t buffer[sizeof(__wasi_dirent_t) + 16];
    __wasi_dircookie_t cookie = 0;
    int entries = 0, sum = 0;
    for (__wasi_size_t used;;) {
        SAY(__wasi_fd_readdir(fd, buffer, sizeof buffer, cookie, &used));
        __wasi_dirent_t entry;
        if (used < sizeof entry) break;
        memcpy(&entry, buffer, sizeof entry);
        entries++, sum += buffer[sizeof entry + entry.d_namlen - 1] * entry.d_type;
        cookie = entry.d_next;
    }
    printf("%d entries, sum %d\n", entries, sum);
    __wasi_size_t used;
    SAY(__wasi_fd_readdir(fd, buffer, 4, 0, &used)), printf("%d used\n", (int)used);
    SAY(__wasi_path_remove_directory(scratch, "list"));
    SAY(__wasi_fd_close(fd));
}

static void descriptors(void) {
    __wasi_fdstat_t status;
    __wasi_filestat_t first, second;
    __wasi_fd_t one = opened("file", 0), other = opened("dir/inside", 0);
    SAY(__wasi_fd_fdstat_get(one, &status)), printf("type %d, flags %d\n", status.fs_filetype, status.fs_flags);
    SAY(__wasi_fd_fdstat_set_flags(one, __WASI_FDFLAGS_APPEND));
    SAY(__wasi_fd_fdstat_get(one, &status)), printf("flags %d\n", status.fs_flags);
    SAY(__wasi_fd_filestat_get(one, &first)), SAY(__wasi_path_filestat_get(scratch, 0, "file", &second));
    printf("the same: %d\n", first.dev == second.dev && first.ino == second.ino);
    SAY(__wasi_path_filestat_get(scratch, 0, "dir/inside", &second)), printf("another: %d\n", first.ino != second.ino);
    SAY(__wasi_fd_filestat_set_times(one, 1000, 2000, __WASI_FSTFLAGS_ATIM | __WASI_FSTFLAGS_MTIM));
    SAY(__wasi_fd_filestat_get(one, &first)), printf("times %d %d\n", (int)first.atim, (int)first.mtim);
    SAY(__wasi_path_filestat_set_times(scratch, 0, "file", 0, 3000, __WASI_FSTFLAGS_MTIM));
    SAY(__wasi_fd_filestat_get(one, &first)), printf("time %d\n", (int)first.mtim);
    SAY(__wasi_fd_filestat_set_times(one, 0, 0, __WASI_FSTFLAGS_ATIM | __WASI_FSTFLAGS_ATIM_NOW));
    SAY(__wasi_fd_renumber(one, other)), SAY(__wasi_fd_fdstat_get(one, &status));
    SAY(__wasi_fd_filestat_get(other, &second)), printf("the same: %d\n", first.ino == second.ino);
    SAY(__wasi_fd_renumber(other, 9999)), SAY(__wasi_fd_renumber(9999, other)), SAY(__wasi_fd_close(other));
    __wasi_prestat_t preopened;
    SAY(__wasi_fd_prestat_get(data, &preopened)), printf("a name of %d\n", (int)preopened.u.dir.pr_name_len);
    uint8_t name[16];
    SAY(__wasi_fd_prestat_dir_name(data, name, 3) != 0);
    SAY(__wasi_fd_close(data)), SAY(__wasi_fd_prestat_get(data, &preopened));
}

/* For a descriptor, or for so many nanoseconds. */
static __wasi_subscription_t waiting_for(int userdata, int type, uint32_t what) {
    __wasi_subscription_t subscription = {.userdata = userdata, .u.tag = type};
    if (type == __WASI_EVENTTYPE_CLOCK)
        subscription.u.u.clock = (__wasi_subscription_clock_t){.id = __WASI_CLOCKID_MONOTONIC, .timeout = what};
    else
        subscription.u.u.fd_read.file_descriptor = what;
    return subscription;
}

static void polling(void) {
    __wasi_fd_t fd = opened("polled", __WASI_OFLAGS_CREAT);
    write_text(fd, "some text");
    __wasi_filesize_t at;
    SAY(__wasi_fd_seek(fd, 4, __WASI_WHENCE_SET, &at));
    const struct {
        int count;
        __wasi_subscription_t all[2];
    } polls[5] = {
        {1, {waiting_for(1, __WASI_EVENTTYPE_FD_READ, fd)}},
        {1, {waiting_for(2, __WASI_EVENTTYPE_FD_WRITE, fd)}},
        {1, {waiting_for(3, __WASI_EVENTTYPE_CLOCK, 1000)}},
        {2, {waiting_for(4, __WASI_EVENTTYPE_FD_READ, fd), waiting_for(5, __WASI_EVENTTYPE_CLOCK, UINT32_MAX)}},
        {0, {waiting_for(6, __WASI_EVENTTYPE_CLOCK, 0)}},
    };
    for (int poll = 0; poll < 5; poll++) {
        __wasi_event_t events[3];
        __wasi_size_t ready = 0;
        SAY(__wasi_poll_oneoff(polls[poll].all, events, polls[poll].count, &ready));
        for (__wasi_size_t i = 0; i < ready; i++)
            printf("event %d: type %d, error %d\n", (int)events[i].userdata, events[i].type, events[i].error);
    }
    SAY(__wasi_fd_close(fd)), SAY(__wasi_path_unlink_file(scratch, "polled"));
}

static __wasi_fd_t preopen(const char *name) {
    for (__wasi_fd_t fd = 3;; fd++) {
        __wasi_prestat_t found;
        uint8_t found_name[64] = {0};
        CHECK(__wasi_fd_prestat_get(fd, &found) == 0 && found.u.dir.pr_name_len < sizeof found_name);
        CHECK(__wasi_fd_prestat_dir_name(fd, found_name, found.u.dir.pr_name_len) == 0);
        if (!strcmp((char *)found_name, name)) return fd;
    }
}

int main(void) {
    scratch = preopen("/scratch"), data = preopen("/data");
    positions(), opening(), rights(), links(), moving(), gone(), listing(), polling(), descriptors();
    return 0;
}
