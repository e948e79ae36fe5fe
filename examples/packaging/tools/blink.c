typedef unsigned char uint8_t;
#define PORTB (*(volatile uint8_t *)0x25)
static uint8_t table[] = {1, 2, 4, 8, 16, 32};
int sum(const uint8_t *p, int n) { int s = 0; while (n--) s += *p++; return s; }
int main(void) { for (int i = 0;; i = (i + 1) % 6) PORTB ^= table[i] + sum(table, i); }
