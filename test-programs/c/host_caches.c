/*
 * What libc keeps of the host, in a module whose linker has left out the functions that reset it: directories,
 * environment, standard input. One export each to let libc look, and one to see what an instance sees.
 *
 * With -DEAGER, the program uses the variable `environ`, which a constructor of libc fills.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#define EXPORT(name) __attribute__((export_name(#name)))

/* Init. */

static int seen;

EXPORT(looks_for_file) void looks_for_file(void) {
    struct stat status;
    seen += stat("/data/hello.txt", &status) == 0;
}

EXPORT(looks_for_variable) void looks_for_variable(void) { seen += getenv("MODE") != 0; }

EXPORT(looks_for_both) void looks_for_both(void) {
    looks_for_file();
    looks_for_variable();
}

static char line[256];

EXPORT(reads_a_line) void reads_a_line(void) { seen += fgets(line, sizeof line, stdin) != 0; }

EXPORT(reads_to_the_end) void reads_to_the_end(void) {
    while (fgets(line, sizeof line, stdin)) seen++;
}

EXPORT(reads_and_forgets) void reads_and_forgets(void) {
    reads_to_the_end();
    clearerr(stdin);
}

/* An instance. */

EXPORT(seen_by_init) int seen_by_init(void) { return seen; }

EXPORT(size) int size(void) {
    struct stat status;
    return stat("/data/hello.txt", &status) ? -errno : (int)status.st_size;
}

EXPORT(first_byte) int first_byte(void) {
    FILE *file = fopen("/data/hello.txt", "r");
    if (!file) return -errno;
    int byte = getc(file);
    fclose(file);
    return byte;
}

EXPORT(mode) int mode(void) {
    const char *value = getenv("MODE");
    return value ? value[0] : 0;
}

EXPORT(next_byte) int next_byte(void) { return getchar(); }

#ifdef EAGER
extern char **environ;

EXPORT(first_variable) int first_variable(void) { return environ[0] ? environ[0][0] : 0; }
#endif
