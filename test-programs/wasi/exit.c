/* The end of a program: functions that run then, in reverse order, and what is still in buffers. */
#include "check.h"
#include <unistd.h>

static void first(void) { printf("registered first\n"); }
static void second(void) {
    printf("registered second\n");
    fflush(stdout);
    write(2, "error\n", 6);
}

__attribute__((constructor)) static void before(void) { puts("constructed"); }
__attribute__((destructor)) static void after(void) { puts("destroyed"); }

int main(void) {
    CHECK(atexit(first) == 0 && atexit(second) == 0);
    puts("main");
    fflush(stdout);
    printf("still buffered, ");
    exit(7);
}
