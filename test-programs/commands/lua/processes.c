// Functions of the C library that Lua's own library calls and WASI has nothing for. All fail in the way that the C
// standard provides for.
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

int system(const char *command) {
    if (!command) return 0; // there is no command processor
    errno = ENOSYS;
    return -1;
}

FILE *tmpfile(void) {
    errno = ENOSYS;
    return NULL;
}

char *tmpnam(char *name) {
    (void)name;
    return NULL;
}
