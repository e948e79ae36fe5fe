/*
 * What an init function should not do, one export each, and some that do nothing wrong. Built with DWARF, so that the
 * audit can name the variables.
 */
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define INIT(name) __attribute__((export_name(#name))) void name(void)

void __wasilibc_reset_preopens(void);
void __wasilibc_deinitialize_environ(void);

/* As preinit.h does it: instances see their own directories and environment. */
static void forget(void) {
    __wasilibc_reset_preopens();
    __wasilibc_deinitialize_environ();
}

static int squares[1000];

static void build(void) {
    for (int i = 0; i < 1000; i++) squares[i] = i * i;
}

__attribute__((export_name("query"))) int query(int i) { return squares[i]; }

/* Sins. */

static char *volatile api_key;

INIT(keeps_environment) {
    build();
    api_key = getenv("API_KEY");
}

static volatile unsigned seed;
static volatile int first_draw;

INIT(seeds_with_time) {
    build();
    seed = (unsigned)time(0);
    srand(seed);
    first_draw = rand();
    forget();
}

static volatile int found_data;

INIT(probes_directories) {
    build();
    DIR *directory = opendir("/data");
    found_data = directory != 0;
    if (directory) closedir(directory);
}

static FILE *volatile log_file;

INIT(keeps_file_open) {
    build();
    log_file = fopen("/data/hello.txt", "r");
    forget();
}

static volatile int plain_fd;

INIT(keeps_directory_open) {
    build();
    plain_fd = open("/data", O_RDONLY | O_DIRECTORY);
    forget();
}

static volatile int key_length;

INIT(frees_secret) {
    build();
    char *copy = malloc(400);
    snprintf(copy + 100, 200, "Authorization: %s", getenv("API_KEY"));
    key_length = (int)strlen(copy + 100);
    __asm__ volatile("" : : "r"(copy) : "memory");
    free(copy);
    forget();
}

INIT(does_not_flush) {
    build();
    printf("squares: %d", squares[999]);
    forget();
}

static volatile char passphrase[64];

INIT(keeps_input) {
    build();
    if (!fgets((char *)passphrase, sizeof passphrase, stdin)) passphrase[0] = 0;
    forget();
}

static volatile int mode;

INIT(decides_by_environment) {
    build();
    const char *value = getenv("MODE");
    if (value && !strcmp(value, "fast")) {
        mode = 1;
        puts("fast");
    }
    fflush(stdout);
    forget();
}

/* Nothing wrong with these. */

INIT(clean) { build(); forget(); }

INIT(clean_with_clock) {
    struct timespec begin, end;
    clock_gettime(CLOCK_MONOTONIC, &begin);
    build();
    clock_gettime(CLOCK_MONOTONIC, &end);
    fprintf(stderr, "%d\n", (int)(end.tv_sec - begin.tv_sec));
    forget();
}

static volatile unsigned long file_hash;

INIT(clean_with_file) {
    build();
    FILE *file = fopen("/data/hello.txt", "r");
    for (int c; file && (c = getc(file)) != EOF;) file_hash = file_hash * 31 + (unsigned)c;
    if (file) fclose(file);
    printf("hash %lx\n", file_hash);
    fflush(stdout);
    forget();
}

static volatile int verbose;

INIT(clean_with_environment) {
    build();
    verbose = getenv("VERBOSE") != 0;
    forget();
}
