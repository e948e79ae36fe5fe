/* Waiting for several things at once. */
#include "check.h"
#include <poll.h>
#include <sys/select.h>
#include <time.h>
#include <wasi/api.h>

int main(void) {
    struct pollfd ready[2] = {{1, POLLOUT, 0}, {2, POLLOUT, 0}};
    CHECK(poll(ready, 2, 1000) == 2 && ready[0].revents == POLLOUT && ready[1].revents == POLLOUT);
    CHECK(poll(0, 0, 2) == 0);
    puts("output is ready");
    fflush(stdout);
    fd_set set;
    FD_ZERO(&set);
    FD_SET(1, &set);
    struct timeval second = {1, 0};
    CHECK(select(2, 0, &set, 0, &second) == 1 && FD_ISSET(1, &set));
    __wasi_subscription_t wanted[2];
    __wasi_event_t events[2];
    __wasi_size_t count;
    memset(wanted, 0, sizeof wanted);
    for (int i = 0; i < 2; i++) {
        wanted[i].userdata = 40 + i;
        wanted[i].u.tag = __WASI_EVENTTYPE_CLOCK;
        wanted[i].u.u.clock.id = __WASI_CLOCKID_MONOTONIC;
        wanted[i].u.u.clock.timeout = i ? 2000000 : 3600000000000;
    }
    CHECK(__wasi_poll_oneoff(wanted, events, 2, &count) == 0);
    CHECK(count == 1 && events[0].userdata == 41 && events[0].error == 0 && events[0].type == __WASI_EVENTTYPE_CLOCK);
    puts("the shorter time is over");
    __wasi_timestamp_t time;
    CHECK(__wasi_clock_time_get(__WASI_CLOCKID_MONOTONIC, 1, &time) == 0);
    for (int i = 0; i < 2; i++) {
        wanted[i].u.u.clock.flags = __WASI_SUBCLOCKFLAGS_SUBSCRIPTION_CLOCK_ABSTIME;
        wanted[i].u.u.clock.timeout = time + (i ? 2000000 : 3600000000000);
    }
    __wasi_subscription_t as_passed[2];
    memcpy(as_passed, wanted, sizeof wanted);
    CHECK(__wasi_poll_oneoff(wanted, events, 2, &count) == 0);
    CHECK(count == 1 && events[0].userdata == 41);
    CHECK(memcmp(as_passed, wanted, sizeof wanted) == 0);
    __wasi_timestamp_t after;
    CHECK(__wasi_clock_time_get(__WASI_CLOCKID_MONOTONIC, 1, &after) == 0 && after >= time + 2000000);
    CHECK(__wasi_poll_oneoff(wanted, events, 0, &count) == __WASI_ERRNO_INVAL);
    puts("the earlier time has come");
    return 0;
}
