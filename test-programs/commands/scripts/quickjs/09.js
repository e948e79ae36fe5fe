// Classes, proxies, collections, typed arrays, big integers, sorting, destructuring.
class Animal {
    #secret = 7; static count = 0;
    constructor(name) { this.name = name; Animal.count++; }
    get secret() { return this.#secret; }
    speak() { return `${this.name} makes a sound`; }
    static { this.ready = true; }
    [Symbol.toPrimitive](hint) { return hint === "number" ? 42 : this.name; }
}
class Dog extends Animal { speak() { return super.speak() + ": woof"; } get [Symbol.toStringTag]() { return "Dog"; } }
const rex = new Dog("Rex");
console.log(rex.speak(), rex.secret, Animal.count, Animal.ready, +rex, `${rex}`, Object.prototype.toString.call(rex));
const log = [];
const proxy = new Proxy({}, { get: (t, k) => (log.push("get " + String(k)), t[k]), set: (t, k, v) => (log.push("set " + k), Reflect.set(t, k, v * 2)), has: () => true, ownKeys: () => ["x", "y"] });
proxy.a = 21;
console.log(proxy.a, "zzz" in proxy, Reflect.ownKeys(proxy).join(), log.join("; "));
const { a: { b: [first, ...others] = [] } = {}, ...rest } = { a: { b: [1, 2, 3] }, c: 4, d: 5 };
console.log(first, others.join(), JSON.stringify(rest), [..."héé"].length, Math.max(...[1, 9, 4]));
console.log(2n ** 200n % 10n ** 20n, (-7n / 2n).toString(), BigInt.asUintN(8, -1n), typeof 1n);
const map = new Map([["k", 1], [NaN, 2]]); const set = new Set([1, 2, 3]).union(new Set([3, 4]));
console.log(map.get(NaN), [...map.keys()].join(), [...set].join(), JSON.stringify(Object.fromEntries(map)));
const bytes = new Uint8Array([1, 2, 300, -1]); const view = new DataView(new ArrayBuffer(8)); view.setFloat64(0, Math.PI);
console.log([...bytes].join(), new Float32Array(view.buffer).length, view.getUint32(0).toString(16), new Float64Array([3, 1, 2]).toSorted().join());
console.log([3, 1, 10, 2].sort().join(), [3, 1, 10, 2].sort((x, y) => x - y).join(), [[1, [2, [3]]]].flat(Infinity).join(), [1, 2, 3, 4].findLast(n => n % 2));
console.log(new Date(Date.UTC(2024, 1, 29, 12)).toISOString(), JSON.stringify({ d: new Date(0), u: undefined, n: null, f() {} }, null, 1));
console.log(Object.entries({ b: 1, a: 2, 1: 3 }).join(";"), [, 1].length, typeof null, [] + {}, [1] == 1, null ?? "default", rex?.none?.deep);
var hoisted = typeof later; function later() {} console.log(hoisted, (function () { return arguments.length; })(1, 2), (() => { "use strict"; return this === undefined; })());
const weak = new WeakMap([[rex, "meta"]]); console.log(weak.get(rex), new WeakRef(rex).deref() === rex, structuredCloneLike(rex));
function structuredCloneLike(o) { return JSON.parse(JSON.stringify(o)).name; }
