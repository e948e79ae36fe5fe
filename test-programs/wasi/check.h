/* Programs that test a WASI host and say only what is the same on every right one. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CHECK(condition)                                                                                               \
    do {                                                                                                               \
        if (!(condition)) {                                                                                            \
            printf("line %d: %s (errno %d)\n", __LINE__, #condition, errno);                                           \
            exit(99);                                                                                                  \
        }                                                                                                              \
    } while (0)
