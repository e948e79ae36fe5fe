// A table that takes a while to make, and a count of the questions since then.
let table = [];
let asked = 0;

export function preinit() {
  let state = 12345;
  for (let index = 0; index < 20000; index += 1) {
    state = (state * 1103515245 + 12345) % 2147483648;
    table.push(state % 1000);
  }
  table = table.map((value, index) => (value + index) % 1000);
}

export function query(n) {
  asked += 1;
  return table[n] * 10 + asked;
}
