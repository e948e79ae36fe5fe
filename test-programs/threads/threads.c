/* Threads: init builds a table that all threads read, and the state of libc that they need. The answers of `query` come
   from four threads, which share memory with each other and with the caller, and have thread locals of their own. */

#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define COUNT 20000
#define THREADS 4

static int constructed;
static uint32_t *squares;
static _Atomic uint32_t visits;
static uint32_t total;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_once_t once = PTHREAD_ONCE_INIT;
static pthread_key_t key;
static _Thread_local uint32_t local = 5;
static _Thread_local uint32_t zeroed;
static char text[] = "not changed yet";

__attribute__((constructor)) static void construct(void) { constructed++; }

static void make_key(void) { pthread_key_create(&key, 0); }

__attribute__((export_name("preinit"))) void init(void) {
    squares = malloc(COUNT * sizeof *squares);
    for (uint32_t i = 0; i < COUNT; i++)
        squares[i] = i * i;
    local = 77;
    zeroed = 3;
    strcpy(text, "changed by init");
    pthread_once(&once, make_key);
    pthread_setspecific(key, text);
}

static void *work(void *argument) {
    uint32_t first = (uint32_t)(uintptr_t)argument, sum = 0;
    /* A thread's locals are those of the module, never those of the thread that ran init. */
    if (local != 5 || zeroed != 0 || pthread_getspecific(key))
        return (void *)1;
    local += first;
    zeroed = first;
    for (uint32_t i = first; i < COUNT; i += THREADS)
        sum += squares[i];
    atomic_fetch_add(&visits, 1);
    pthread_mutex_lock(&lock);
    total += sum;
    pthread_mutex_unlock(&lock);
    return local == 5 + first && zeroed == first ? 0 : (void *)2;
}

__attribute__((export_name("query"))) int32_t query(int32_t n) {
    pthread_t threads[THREADS];
    int32_t failed = 0;
    if (!squares)
        return -1;
    squares[(uint32_t)n % COUNT] += 1;
    for (uintptr_t i = 0; i < THREADS; i++)
        if (pthread_create(&threads[i], 0, work, (void *)i))
            return -2;
    for (int i = 0; i < THREADS; i++) {
        void *result;
        pthread_join(threads[i], &result);
        failed |= (int32_t)(uintptr_t)result;
    }
    if (failed)
        return -100 - failed;
    if (local != 77 || zeroed != 3 || pthread_getspecific(key) != text || strcmp(text, "changed by init"))
        return -3;
    return (int32_t)(total % 1000003u + visits * 7u + (uint32_t)constructed);
}
