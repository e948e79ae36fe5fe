// A table that is built when the program asks for it, in a memory that JavaScript makes.
#include <emscripten/emscripten.h>
#include <stdlib.h>

static int *primes;
static int count;

EMSCRIPTEN_KEEPALIVE int build(int limit) {
  char *composite = calloc(limit + 1, 1);
  primes = malloc(sizeof(int) * limit);
  count = 0;
  for (int n = 2; n <= limit; n++) {
    if (composite[n]) continue;
    primes[count++] = n;
    for (long long m = (long long)n * n; m <= limit; m += n) composite[m] = 1;
  }
  free(composite);
  return count;
}
EMSCRIPTEN_KEEPALIVE int prime(int index) { return index < count ? primes[index] : -1; }
