/* Random numbers: no two are the same, and none is zero. */
#include "check.h"
#include <unistd.h>

int main(void) {
    static unsigned char bytes[6][32];
    for (int i = 0; i < 6; i++) {
        CHECK(getentropy(bytes[i], sizeof bytes[i]) == 0);
        for (int j = 0; j < i; j++) CHECK(memcmp(bytes[i], bytes[j], sizeof bytes[i]));
        printf("%d\n", i);
        fflush(stdout);
    }
    CHECK(getentropy(bytes[0], 0) == 0);
    static unsigned char many[300];
    CHECK(getentropy(many, 256) == 0);
    int zeros = 0;
    for (int i = 0; i < 256; i++) zeros += many[i] == 0;
    CHECK(zeros < 40);
    puts("different");
    return 0;
}
