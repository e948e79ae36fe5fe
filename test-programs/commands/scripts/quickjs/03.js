// Generators, promises, async functions, timers: work that goes on after the script has ended.
function* tree(depth) { if (depth) { yield* tree(depth - 1); yield depth; yield* tree(depth - 1); } }
console.log([...tree(4)].join(""));
function* conversation() { let got = yield "start"; try { while (true) got = yield got * 2; } catch (e) { yield "caught " + e; } finally { console.log("cleanup"); } }
const talk = conversation();
console.log(talk.next().value, talk.next(21).value, talk.throw("ball").value, JSON.stringify(talk.next()));
const order = [];
os.setTimeout(() => { order.push("timer 2"); console.log(order.join(", ")); }, 20);
os.setTimeout(() => order.push("timer 1"), 1);
Promise.resolve().then(() => order.push("microtask 1")).then(() => order.push("microtask 3"));
(async () => { order.push("sync"); await null; order.push("microtask 2"); })();
async function* countdown(n) { while (n) { await null; yield n--; } }
(async () => {
    let seen = "";
    for await (const n of countdown(5)) seen += n;
    console.log("async iteration", seen);
    const results = await Promise.allSettled([1, Promise.reject(new Error("no")), new Promise(r => os.setTimeout(() => r("late"), 5))]);
    console.log(results.map(r => r.value ?? r.reason.message).join(" "));
    console.log(await Promise.race([new Promise(r => os.setTimeout(r, 50, "slow")), new Promise(r => os.setTimeout(r, 2, "fast"))]), await Promise.any([Promise.reject(1), 2]));
    try { await Promise.reject(new Error("awaited")); } catch (e) { console.log(e.message); }
})();
console.log("end of script");
