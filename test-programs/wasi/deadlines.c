/* A program that plans by the monotonic clock: jobs run in order and on time, wherever it is frozen. */
#include "check.h"
#include <time.h>
#include <unistd.h>

static long long now(void) {
    struct timespec time;
    CHECK(clock_gettime(CLOCK_MONOTONIC, &time) == 0);
    return time.tv_sec * 1000000LL + time.tv_nsec / 1000;
}

int main(void) {
    static long long due[4];
    long long start = now(), last = start;
    for (int job = 0; job < 4; job++) due[job] = now() + 4000 * (job + 1);
    usleep(1000);
    for (int job = 0, waits = 0; job < 4;) {
        long long time = now();
        CHECK(time >= last);
        last = time;
        if (time >= due[job]) {
            printf("job %d\n", job++);
            fflush(stdout);
            continue;
        }
        CHECK(++waits < 1000);
        CHECK(usleep((useconds_t)(due[job] - time)) == 0);
    }
    CHECK(now() - start >= 16000 && now() - start < 60000000);
    puts("done");
    return 0;
}
