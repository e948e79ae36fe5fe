/*
 * A program with `main`. Prints the same before and after, arguments and environment of the run included:
 *     preinit command.wasm -o out.wasm -r _start=preinit.resume
 */
#include "preinit.h"
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#define LIMIT 30000u

static uint16_t *steps; /* of the Collatz sequence from n down to 1 */
static uint32_t longest;

static void say_goodbye(void) { printf("goodbye, longest %u\n", longest); }

static void init(void) {
    steps = calloc(LIMIT, sizeof *steps);
    for (uint32_t n = 2; n < LIMIT; n++) {
        uint64_t x = n;
        uint16_t count = 0;
        while (x >= n) {
            x = x % 2 ? 3 * x + 1 : x / 2;
            count++;
        }
        steps[n] = (uint16_t)(count + steps[x]);
        if (steps[n] > steps[longest]) longest = n;
    }
    atexit(say_goodbye);
}

PREINIT_INIT_MAIN(init);
PREINIT_CHECKPOINT;

int main(int argc, char **argv) {
    const char *name = getenv("NAME");
    if (!steps) init();
    preinit_checkpoint();

    printf("hello %s\n", name ? name : "nobody");
    int failed = 0;
    for (int i = 1; i < argc; i++) {
        unsigned long n = strtoul(argv[i], NULL, 10);
        if (n == 0 || n >= LIMIT) {
            printf("%s: out of range\n", argv[i]);
            failed = 1;
        } else {
            printf("%lu: %u steps\n", n, steps[n]);
        }
    }
    return failed ? 3 : 0;
}
