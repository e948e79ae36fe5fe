/* Threads as Emscripten makes them: init builds a table that all threads read, and main's thread locals. */

#include <emscripten.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>

#define COUNT 20000
#define THREADS 4

static uint32_t *squares;
static _Atomic uint32_t visits, finished;
static _Thread_local uint32_t local = 5;

EMSCRIPTEN_KEEPALIVE void preinit(void) {
    squares = malloc(COUNT * sizeof *squares);
    for (uint32_t i = 0; i < COUNT; i++)
        squares[i] = i * i;
    local = 77;
}

static void *work(void *argument) {
    uint32_t first = (uint32_t)(uintptr_t)argument, sum = 0;
    if (local != 5) {
        finished = 1000;
        return 0;
    }
    local += first;
    for (uint32_t i = first; i < COUNT; i += THREADS)
        sum += squares[i];
    visits += sum % 1009;
    finished++;
    return 0;
}

EMSCRIPTEN_KEEPALIVE int start(int n) {
    pthread_t thread;
    if (!squares)
        return -1;
    squares[n] += 1;
    return pthread_create(&thread, 0, work, (void *)(uintptr_t)n) || pthread_detach(thread);
}

EMSCRIPTEN_KEEPALIVE int done(void) { return finished; }

EMSCRIPTEN_KEEPALIVE int answer(void) { return visits * 100 + local; }
