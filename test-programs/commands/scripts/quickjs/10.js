// Long work, recursion, the collector, an unhandled rejection.
function ackermann(m, n) { return m === 0 ? n + 1 : n === 0 ? ackermann(m - 1, 1) : ackermann(m - 1, ackermann(m, n - 1)); }
console.log(ackermann(2, 40));
const sieve = new Uint8Array(300000); let primes = 0;
for (let i = 2; i < sieve.length; i++) if (!sieve[i]) { primes++; for (let j = i * 2; j < sieve.length; j += i) sieve[j] = 1; }
console.log(primes);
let kept = []; for (let i = 0; i < 200000; i++) { kept.push({ i, next: kept.at(-1), text: "t" + i }); if (i % 10000 === 9999) kept = kept.slice(-10); }
console.log(kept.length, kept[0].text, kept[9].next.i);
const cycle = {}; cycle.self = cycle; try { JSON.stringify(cycle); } catch (error) { console.log(error.name); }
std.gc();
console.log(new Function("a", "b", "return a * b")(6, 7), eval("var x = 5; x * x"), (0, eval)("typeof kept"));
console.log(_.sumBy(_.range(1000), n => n % 7), _.shuffle(_.range(50)).sort((a, b) => a - b).length, _.memoize(n => n * 2)(21));
let deep = 0; (function down(n) { deep = n; if (n < 150) down(n + 1); })(0); console.log(deep);
const state = { toString() { return "state"; } }; console.log(`${state}`, [1, [2, 3]].toString(), String(Symbol("s")));
Promise.reject(new RangeError("nobody listens"));
