// Generators, promises, async functions, timers: work that goes on after the script has ended.
function* tree(depth) { if (depth) { yield* tree(depth - 1); yield depth; yield* tree(depth - 1); } }
console.log([...tree(4)].join(""));
function* conversation() { let got = yield "start"; try { while (true) got = yield got * 2; } catch (e) { yield "caught " + e; } finally { console.log("cleanup"); } }
const talk = conversation();
console.log(talk.next().value, talk.next(21).value, talk.throw("ball").value, JSON.stringify(talk.next()));
const order = [];
os.setTimeout(() => { order.push("timer 1"); os.setTimeout(() => { order.push("timer 2"); finish(); }, 3); }, 1);
Promise.resolve().then(() => order.push("microtask 1")).then(() => order.push("microtask 3"));
(async () => { order.push("sync"); await null; order.push("microtask 2"); })();
async function* countdown(n) { while (n) { await null; yield n--; } }
(async () => {
    let seen = "";
    for await (const n of countdown(5)) seen += n;
    console.log("async iteration", seen);
    const results = await Promise.allSettled([1, Promise.reject(new Error("no")), new Promise(r => os.setTimeout(() => r("late"), 5))]);
    console.log(results.map(r => r.value ?? r.reason.message).join(" "));
    let slow;
    const race = [new Promise(r => slow = os.setTimeout(() => r("slow"), 600000)), new Promise(r => os.setTimeout(() => r("fast"), 2))];
    console.log(await Promise.race(race), await Promise.any([Promise.reject(1), 2]));
    os.clearTimeout(slow);
    try { await Promise.reject(new Error("awaited")); } catch (e) { console.log(e.message); }
    finish();
})();
// Two things go on side by side: which of their timers is first depends on the machine.
let running = 2;
function finish() { if (!--running) console.log(order.join(", ")); }
console.log("end of script");
