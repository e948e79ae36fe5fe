/* Clocks: the real time is after 2000, the monotonic clock never goes back, sleeps take their time. */
#include "check.h"
#include <sys/time.h>
#include <time.h>

static long long now(clockid_t clock) {
    struct timespec time;
    CHECK(clock_gettime(clock, &time) == 0);
    CHECK(time.tv_nsec >= 0 && time.tv_nsec < 1000000000);
    return time.tv_sec * 1000000000LL + time.tv_nsec;
}

int main(void) {
    struct timespec resolution, span = {0, 2000000};
    struct timeval day;
    CHECK(clock_getres(CLOCK_REALTIME, &resolution) == 0 && resolution.tv_sec == 0 && resolution.tv_nsec > 0);
    CHECK(clock_getres(CLOCK_MONOTONIC, &resolution) == 0 && resolution.tv_sec == 0 && resolution.tv_nsec > 0);
    CHECK(time(0) >= 946684800);
    CHECK(gettimeofday(&day, 0) == 0 && day.tv_sec >= 946684800 && day.tv_usec < 1000000);
    long long real = now(CLOCK_REALTIME);
    CHECK(real >= 946684800000000000LL);
    long long last = now(CLOCK_MONOTONIC);
    for (int reading = 0; reading < 8; reading++) {
        long long next = now(CLOCK_MONOTONIC);
        CHECK(next >= last);
        last = next;
    }
    puts("the clocks go on");
    long long before = now(CLOCK_MONOTONIC);
    CHECK(nanosleep(&span, 0) == 0);
    CHECK(now(CLOCK_MONOTONIC) - before >= 2000000);
    CHECK(clock_nanosleep(CLOCK_MONOTONIC, 0, &span, 0) == 0);
    CHECK(now(CLOCK_MONOTONIC) - before >= 4000000);
    long long deadline = now(CLOCK_MONOTONIC) + 3000000;
    struct timespec until = {deadline / 1000000000, deadline % 1000000000};
    CHECK(clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until, 0) == 0);
    CHECK(now(CLOCK_MONOTONIC) >= deadline);
    CHECK(clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until, 0) == 0);
    CHECK(now(CLOCK_MONOTONIC) - deadline < 60000000000LL);
    CHECK(now(CLOCK_REALTIME) >= real);
    puts("sleeps take their time");
    return 0;
}
