/* Arguments and environment variables, some of which it sets itself. */
#include "check.h"

extern char **environ;

int main(int count, char **arguments) {
    for (int i = 0; i < count; i++) printf("argument %d: %s\n", i, arguments[i]);
    fflush(stdout);
    CHECK(getenv("WORD") && !strcmp(getenv("WORD"), "a=b") && !getenv("NONE") && getenv("EMPTY") && !*getenv("EMPTY"));
    for (int i = 0; environ[i]; i++) printf("variable %s\n", environ[i]);
    fflush(stdout);
    CHECK(setenv("OWN", "1", 1) == 0 && !strcmp(getenv("OWN"), "1"));
    CHECK(setenv("OWN", "2", 0) == 0 && !strcmp(getenv("OWN"), "1"));
    CHECK(unsetenv("WORD") == 0 && !getenv("WORD"));
    puts("set");
    fflush(stdout);
    for (int i = 0; environ[i]; i++) printf("variable %s\n", environ[i]);
    return count;
}
