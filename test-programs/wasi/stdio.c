/* Standard streams: lines of input, and output that is buffered in every way. */
#include "check.h"
#include <unistd.h>

int main(void) {
    char line[64];
    int number;
    printf("begin, ");
    CHECK(fgets(line, sizeof line, stdin) && !strcmp(line, "first line\n"));
    printf("read %s", line);
    fflush(stdout);
    CHECK(scanf("%d", &number) == 1 && number == 42);
    CHECK(ungetc('x', stdin) == 'x' && getchar() == 'x' && getchar() == '\n');
    fprintf(stderr, "number %d\n", number);
    CHECK(fgets(line, sizeof line, stdin) && !strcmp(line, "last line\n"));
    fputs(line, stdout);
    CHECK(write(1, "unbuffered\n", 11) == 11);
    CHECK(fgets(line, sizeof line, stdin) == 0 && feof(stdin) && !ferror(stdin));
    fflush(stdout);
    setvbuf(stdout, 0, _IONBF, 0);
    printf("%s %d\n", "at the end", 7);
    CHECK(read(0, line, 1) == 0);
    putchar('.');
    putchar('\n');
    return 0;
}
