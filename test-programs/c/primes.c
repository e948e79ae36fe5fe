/*
 * The README's demonstration: tens of milliseconds of work in init, 0.6 MB of state, no imports at all. Init sieves
 * the primes, and files under each word of an invented language how many decimals of 1/p repeat, p being the word's prime.
 */
#include "preinit.h"
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define LIMIT 8000000u     /* primes below this */
#define WORDS 2000u
#define BUCKETS 1024u
#define BITS (LIMIT / 2)   /* odd numbers only: bit i stands for 2i + 1 */
#define BLOCK 64u          /* 32-bit words of the sieve that share one count */
#define BLOCKS (BITS / 32 / BLOCK + 1)

struct word {
    struct word *next;
    uint32_t period;
    char text[];
};

static uint32_t *composite;
static uint32_t primes_before[BLOCKS + 1];
static struct word *buckets[BUCKETS];

static void sieve(void) {
    composite = calloc(BITS / 32, sizeof *composite);
    composite[0] = 1;
    for (uint32_t n = 3; n * n < LIMIT; n += 2)
        if (!(composite[n / 64] >> (n / 2 % 32) & 1))
            for (uint32_t m = n * n / 2; m < BITS; m += n) composite[m / 32] |= 1u << (m % 32);

    uint32_t count = 1; /* the prime 2 has no bit */
    for (uint32_t i = 0; i < BITS / 32; i++) {
        if (i % BLOCK == 0) primes_before[i / BLOCK] = count;
        count += (uint32_t)__builtin_popcount(~composite[i]);
    }
    for (uint32_t b = (BITS / 32 + BLOCK - 1) / BLOCK; b <= BLOCKS; b++) primes_before[b] = count;
}

static uint32_t nth_prime(uint32_t n) {
    if (n == 0 || n > primes_before[BLOCKS]) return 0;
    if (n == 1) return 2;
    uint32_t low = 0, high = BLOCKS;
    while (high - low > 1) {
        uint32_t middle = (low + high) / 2;
        if (primes_before[middle] < n) low = middle;
        else high = middle;
    }
    uint32_t left = n - primes_before[low];
    for (uint32_t i = low * BLOCK;; i++) {
        uint32_t bits = ~composite[i], found = (uint32_t)__builtin_popcount(bits);
        if (left > found) {
            left -= found;
            continue;
        }
        while (--left) bits &= bits - 1;
        return 2 * (i * 32 + (uint32_t)__builtin_ctz(bits)) + 1;
    }
}

/* The n-th word of an invented language. */
static uint32_t spell(uint32_t n, char *out) {
    static const char syllables[16][3] = {"ba", "do", "fi", "gu", "ha", "jo", "ke", "lu",
                                          "mi", "na", "po", "ra", "si", "tu", "ve", "zo"};
    uint32_t length = 0;
    do {
        memcpy(out + length, syllables[n % 16], 2);
        length += 2;
    } while (n /= 16);
    out[length] = 0;
    return length;
}

static uint32_t bucket_of(const char *text) {
    uint32_t hash = 2166136261u;
    for (; *text; text++) hash = (hash ^ (uint8_t)*text) * 16777619u;
    return hash % BUCKETS;
}

static uint32_t find(const char *text) {
    for (struct word *word = buckets[bucket_of(text)]; word; word = word->next)
        if (!strcmp(word->text, text)) return word->period;
    return 0;
}

static uint32_t period_of_inverse(uint32_t prime) {
    if (10 % prime == 0) return 0;
    uint32_t remainder = 10 % prime, period = 1;
    while (remainder != 1) {
        remainder = 10 * remainder % prime;
        period++;
    }
    return period;
}

static void index_words(void) {
    char text[32];
    for (uint32_t n = 0; n < WORDS; n++) {
        uint32_t length = spell(n, text), bucket = bucket_of(text);
        struct word *word = malloc(sizeof *word + length + 1);
        memcpy(word->text, text, length + 1);
        word->period = period_of_inverse(nth_prime(n + 1));
        word->next = buckets[bucket];
        buckets[bucket] = word;
    }
}

static void init(void) {
    sieve();
    index_words();
}

PREINIT_INIT(init);

/* The n-th prime, 1 -> 2; 0 beyond the table. */
__attribute__((export_name("prime"))) uint32_t prime(uint32_t n) { return composite ? nth_prime(n) : 0; }

/* What is filed under the n-th word; 0 if it is not in the index. */
__attribute__((export_name("lookup"))) uint32_t lookup(uint32_t n) {
    char text[32];
    spell(n, text);
    return find(text);
}

/* Needs both. */
__attribute__((export_name("query"))) uint32_t query(uint32_t n) { return prime(n) + lookup(n % WORDS); }
