/* Memory that grows between host calls, and pointers that stay. */
#include "check.h"

struct node {
    struct node *next;
    int value;
    char padding[4000];
};

int main(void) {
    struct node *list = 0;
    unsigned long sum = 0;
    for (int round = 0; round < 5; round++) {
        for (int i = 0; i < 40; i++) {
            struct node *node = malloc(sizeof *node);
            CHECK(node);
            memset(node->padding, round, sizeof node->padding);
            node->value = round * 40 + i;
            node->next = list;
            list = node;
        }
        void *large = calloc(1, 300000 * (round + 1));
        CHECK(large && !((char *)large)[299999]);
        large = realloc(large, 100);
        free(large);
        printf("round %d: %zu pages\n", round, (size_t)0 + (__builtin_wasm_memory_size(0) > 0));
        fflush(stdout);
    }
    for (struct node *node = list, *next; node; node = next) {
        next = node->next;
        sum = sum * 31 + node->value + node->padding[17];
        free(node);
    }
    printf("%lu\n", sum);
    return 0;
}
