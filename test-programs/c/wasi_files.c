/*
 * What init saw of the host, fact by fact. Each fact is an export of its own name, returning i64, and also fact(i) in
 * the order below; query(i) is fact(i) folded to an i32. None of these calls an import. Init wants a preopened
 * directory with the guest name /data; test-programs/data is one. Facts it could not find out are -1 - errno.
 */
#include "preinit.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>
#include <wasi/api.h>

extern char **environ;

#define FACTS(X)                                                                                                       \
    X(file_size) X(file_hash) X(file_mtime) X(file_atime) X(file_ctime) X(file_inode) X(file_device) X(file_links)     \
    X(missing_errno) X(write_errno) X(escape_errno)                                                                    \
    X(dir_entries) X(dir_names_hash) X(dir_sorted) X(dir_inodes_hash) X(dir_pages_agree) X(preopens)                   \
    X(arg_count) X(args_hash) X(env_count) X(env_hash)                                                                 \
    X(realtime) X(monotonic) X(realtime_resolution) X(slept) X(slept_realtime) X(polled_events) X(polled_userdata)     \
    X(poll_waited) X(random_first) X(random_second)                                                                    \
    X(stdin_size) X(stdin_hash) X(tty_0) X(tty_1) X(tty_2) X(type_0) X(type_1) X(type_2)                               \
    X(stat_size_0) X(stat_size_1) X(stat_size_2) X(stat_times_0) X(fdflags_1) X(yielded) X(bad_fd_errno)

#define X(name) name,
enum { FACTS(X) COUNT };
#undef X
static int64_t facts[COUNT];

#define X(name) __attribute__((export_name(#name))) int64_t get_##name(void) { return facts[name]; }
FACTS(X)
#undef X

static char listing[4096]; /* names as fd_readdir gave them, each ended by a zero byte */
static uint32_t listed;

static uint64_t hash_more(uint64_t hash, const void *bytes, size_t size) {
    for (const uint8_t *p = bytes; size--; p++) hash = (hash ^ *p) * 1099511628211u;
    return hash;
}
#define HASH_START 14695981039346656037u

static int64_t failure(void) { return -1 - errno; }

static int64_t now(clockid_t clock) {
    struct timespec t;
    return clock_gettime(clock, &t) ? failure() : t.tv_sec * 1000000000 + t.tv_nsec;
}

static int64_t hash_fd(int fd, int64_t *size) {
    uint64_t hash = HASH_START;
    char buffer[1000];
    ssize_t n;
    *size = 0;
    while ((n = read(fd, buffer, sizeof buffer)) > 0) {
        hash = hash_more(hash, buffer, (size_t)n);
        *size += n;
    }
    return n < 0 ? *size = failure() : (int64_t)hash;
}

static int64_t open_errno(const char *path, int flags) {
    int fd = open(path, flags, 0644);
    if (fd < 0) return errno;
    close(fd);
    return 0;
}

static int64_t nanoseconds(struct timespec t) { return t.tv_sec * 1000000000 + t.tv_nsec; }

static void see_file(void) {
    struct stat st;
    int fd = open("/data/hello.txt", O_RDONLY);
    if (fd < 0) {
        facts[file_size] = facts[file_hash] = failure();
    } else {
        facts[file_hash] = hash_fd(fd, &facts[file_size]);
        close(fd);
    }
    if (stat("/data/hello.txt", &st)) {
        facts[file_mtime] = facts[file_atime] = facts[file_ctime] = failure();
        facts[file_inode] = facts[file_device] = facts[file_links] = failure();
    } else {
        facts[file_mtime] = nanoseconds(st.st_mtim);
        facts[file_atime] = nanoseconds(st.st_atim);
        facts[file_ctime] = nanoseconds(st.st_ctim);
        facts[file_inode] = (int64_t)st.st_ino;
        facts[file_device] = (int64_t)st.st_dev;
        facts[file_links] = (int64_t)st.st_nlink;
    }
    facts[missing_errno] = open_errno("/data/no-such-file", O_RDONLY);
    facts[write_errno] = open_errno("/data/written-by-guest", O_WRONLY | O_CREAT);
    facts[escape_errno] = open_errno("/data/../../etc/passwd", O_RDONLY);
}

/* Through the import itself: libc's readdir would hide how the host cut the listing into pages. */
static int64_t list_raw(int fd, size_t page, uint64_t *names, uint64_t *inodes, int keep) {
    static uint8_t buffer[8192];
    __wasi_dircookie_t cookie = __WASI_DIRCOOKIE_START;
    char previous[256] = "";
    int64_t entries = 0;
    *names = *inodes = HASH_START;
    facts[dir_sorted] = 1;
    for (;;) {
        __wasi_size_t used;
        __wasi_errno_t error = __wasi_fd_readdir((__wasi_fd_t)fd, buffer, page, cookie, &used);
        if (error) return -1 - error;
        size_t at = 0;
        int progress = 0;
        while (at + sizeof(__wasi_dirent_t) <= used) {
            __wasi_dirent_t entry;
            memcpy(&entry, buffer + at, sizeof entry);
            const char *name = (const char *)buffer + at + sizeof entry;
            at += sizeof entry + entry.d_namlen;
            if (at > used || entry.d_namlen > 255) break;
            char text[256];
            memcpy(text, name, entry.d_namlen);
            text[entry.d_namlen] = 0;
            if (strcmp(previous, text) >= 0) facts[dir_sorted] = 0;
            strcpy(previous, text);
            *names = hash_more(*names, text, entry.d_namlen + 1);
            *inodes = hash_more(*inodes, &entry.d_ino, sizeof entry.d_ino);
            if (keep && listed + entry.d_namlen + 1 <= sizeof listing) {
                memcpy(listing + listed, text, entry.d_namlen + 1);
                listed += entry.d_namlen + 1;
            }
            cookie = entry.d_next;
            entries++;
            progress = 1;
        }
        if (used < page) return entries;
        if (!progress) return -1 - EOVERFLOW;
    }
}

static void see_directory(void) {
    uint64_t names, inodes, paged_names, paged_inodes;
    int fd = open("/data", O_RDONLY | O_DIRECTORY);
    if (fd < 0) {
        facts[dir_entries] = facts[dir_names_hash] = facts[dir_inodes_hash] = failure();
        facts[dir_sorted] = facts[dir_pages_agree] = 0;
    } else {
        int64_t entries = list_raw(fd, 8192, &names, &inodes, 1);
        facts[dir_entries] = entries;
        facts[dir_names_hash] = (int64_t)names;
        facts[dir_inodes_hash] = (int64_t)inodes;
        int64_t paged = list_raw(fd, 64, &paged_names, &paged_inodes, 0);
        facts[dir_pages_agree] = paged == entries && paged_names == names && paged_inodes == inodes;
        close(fd);
    }
    __wasi_prestat_t prestat;
    while (!__wasi_fd_prestat_get((__wasi_fd_t)(3 + facts[preopens]), &prestat)) facts[preopens]++;
}

static void see_environment(void) {
    __wasi_size_t count, size;
    uint64_t hash = HASH_START;
    if (__wasi_args_sizes_get(&count, &size)) return;
    uint8_t **pointers = calloc(count + 1, sizeof *pointers);
    uint8_t *bytes = malloc(size + 1);
    if (!__wasi_args_get(pointers, bytes))
        for (size_t i = 0; i < count; i++) hash = hash_more(hash, pointers[i], strlen((char *)pointers[i]) + 1);
    facts[arg_count] = (int64_t)count;
    facts[args_hash] = (int64_t)hash;
    free(bytes);
    free(pointers);

    hash = HASH_START;
    for (char **entry = environ; *entry; entry++) {
        hash = hash_more(hash, *entry, strlen(*entry) + 1);
        facts[env_count]++;
    }
    facts[env_hash] = (int64_t)hash;
}

static void see_time(void) {
    struct timespec second = {.tv_sec = 1}, resolution;
    facts[realtime] = now(CLOCK_REALTIME);
    facts[monotonic] = now(CLOCK_MONOTONIC);
    facts[realtime_resolution] = clock_getres(CLOCK_REALTIME, &resolution) ? failure() : nanoseconds(resolution);

    int64_t before = now(CLOCK_MONOTONIC), real_before = now(CLOCK_REALTIME);
    if (nanosleep(&second, NULL)) facts[slept] = facts[slept_realtime] = failure();
    else {
        facts[slept] = now(CLOCK_MONOTONIC) - before;
        facts[slept_realtime] = now(CLOCK_REALTIME) - real_before;
    }

    /* Two clocks, the second one due first. */
    __wasi_subscription_t wanted[2];
    __wasi_event_t events[2];
    __wasi_size_t count = 0;
    memset(wanted, 0, sizeof wanted);
    for (int i = 0; i < 2; i++) {
        wanted[i].userdata = 1000 + (uint64_t)i;
        wanted[i].u.tag = __WASI_EVENTTYPE_CLOCK;
        wanted[i].u.u.clock.id = __WASI_CLOCKID_MONOTONIC;
        wanted[i].u.u.clock.timeout = i == 0 ? 3600000000000u : 5000000u;
    }
    before = now(CLOCK_MONOTONIC);
    __wasi_errno_t error = __wasi_poll_oneoff(wanted, events, 2, &count);
    facts[poll_waited] = now(CLOCK_MONOTONIC) - before;
    facts[polled_events] = error ? -1 - error : (int64_t)count;
    facts[polled_userdata] = !error && count ? (int64_t)events[0].userdata : -1;
    facts[yielded] = __wasi_sched_yield();
}

static void see_random(void) {
    if (getentropy(&facts[random_first], 8)) facts[random_first] = failure();
    if (getentropy(&facts[random_second], 8)) facts[random_second] = failure();
}

static void see_stdio(void) {
    struct stat st;
    for (int fd = 0; fd < 3; fd++) {
        __wasi_fdstat_t fdstat;
        __wasi_errno_t error = __wasi_fd_fdstat_get((__wasi_fd_t)fd, &fdstat);
        facts[tty_0 + fd] = isatty(fd);
        facts[type_0 + fd] = error ? -1 - error : fdstat.fs_filetype;
        if (fd == 1) facts[fdflags_1] = error ? -1 - error : fdstat.fs_flags;
        facts[stat_size_0 + fd] = fstat(fd, &st) ? failure() : st.st_size;
        if (fd == 0) facts[stat_times_0] = fstat(fd, &st) ? failure() : nanoseconds(st.st_mtim);
    }
    facts[bad_fd_errno] = close(99) ? errno : 0;
    facts[stdin_hash] = hash_fd(0, &facts[stdin_size]);
    fputs("wasi_files: init writes to stdout\n", stdout);
    fputs("wasi_files: init writes to stderr\n", stderr);
    fflush(NULL);
}

static void init(void) {
    see_file();
    see_directory();
    see_environment();
    see_stdio();
    see_random();
    see_time();
}

PREINIT_INIT(init);

__attribute__((export_name("count"))) int32_t count(void) { return COUNT; }

__attribute__((export_name("fact"))) int64_t fact(int32_t i) { return i >= 0 && i < COUNT ? facts[i] : -1; }

__attribute__((export_name("query"))) int32_t query(int32_t i) {
    uint64_t value = (uint64_t)fact(i);
    return (int32_t)(value ^ value >> 32);
}

/* The i-th byte of the directory's names, in the host's order, each ended by 0; -1 behind the last. */
__attribute__((export_name("listing"))) int32_t listing_byte(uint32_t i) { return i < listed ? listing[i] : -1; }

/* Calls imports: reads the file anew, through the preopens of the machine that the snapshot runs on. */
__attribute__((export_name("reread"))) int64_t reread(void) {
    int64_t size;
    int fd = open("/data/hello.txt", O_RDONLY);
    if (fd < 0) return failure();
    int64_t hash = hash_fd(fd, &size);
    close(fd);
    return hash;
}
