// Exceptions that cross frames, are caught, rethrown, and at last not caught: a stack and exit code 1.
class Broken extends Error {
    constructor(part) { super(`broken ${part}`); this.name = "Broken"; this.part = part; }
}
function innermost(n) {
    if (n === 0) throw new Broken("axle");
    try { innermost(n - 1); } finally { console.log("unwinding", n); }
}
function outer() {
    try { innermost(3); } catch (error) {
        console.log("caught", error.part, error instanceof Broken, error instanceof Error);
        throw new TypeError("outer failed", { cause: error });
    }
}
try { outer(); } catch (error) { console.log(String(error), String(error.cause), error.stack.split("\n").length > 2); }
for (const f of [() => null.x, () => undefined(), () => unknown, () => { const c = 1; c = 2; }, () => new Array(-1),
    () => "x".repeat(-1), () => JSON.parse("{bad"), () => new RegExp("("), () => BigInt(1.5), () => Symbol() + "", () => acorn.parse("let let"),
    () => eval("var 1")]) {
    try { f(); } catch (error) { console.log(error.name + ":", error.message); }
}
console.log((() => { try { return "try"; } finally { console.log("finally"); } })());
label: for (const i of [1, 2]) { for (;;) { try { continue label; } finally { console.log("continue", i); } } }
outer();
