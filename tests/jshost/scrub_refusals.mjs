// Allocators that lose something, or give away what is in use, when all free memory is taken and given back under JavaScript: each is refused
// by name, and there is no snapshot.
//
//     node tests/jshost/scrub_refusals.mjs JS PREINIT
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { load, preinit, refused, test } from './checks.mjs';
import { converted } from './converted.mjs';

const { capture } = await load('index.js');
const work = mkdtempSync(join(tmpdir(), 'preinit-scrub-'));
const imports = { env: { log() {} } };

/** A module with this `malloc` and `free`, and `init`; the first has a local `$p`. */
function allocator(malloc, free, init, fields = '(memory (export "memory") 4 16)') {
  const file = join(work, 'allocator.wat');
  writeFileSync(file, `(module ${fields}
    (func $malloc (export "malloc") (param $size i32) (result i32) (local $p i32) ${malloc})
    (func $free (export "free") (param $at i32) ${free})
    (func (export "preinit"))
    (func (export "init") (local $i i32) ${init}))`);
  return converted(preinit, file);
}

const scrubbed = (wasm) => ({
  wasm, scrub: true, allow: ['env.log'],
  run: async () => void (await WebAssembly.instantiate(wasm, imports)).instance.exports.init(),
});

/** Takes the first of the list at 16. */
const POP = `(local.set $p (i32.load (i32.const 16)))
  (if (i32.eqz (local.get $p)) (then (return (i32.const 0))))
  (i32.store (i32.const 16) (i32.load (local.get $p)))
  (local.get $p)`;
const PUSH = '(i32.store (local.get $at) (i32.load (i32.const 16))) (i32.store (i32.const 16) (local.get $at))';
const atMost = (size) => `(if (i32.gt_u (local.get $size) (i32.const ${size})) (then (return (i32.const 0))))`;
/** Letters at an address, and a block there that is freed. */
const freed = (at, letters) => `(memory.fill (i32.const ${at}) (i32.const 65) (i32.const ${letters})) (call $free (i32.const ${at}))`;
/** One block of 40 bytes at most, and null while it is away: the byte at 8 says so. */
const single = (at) => `(if (i32.or (i32.load8_u (i32.const 8)) (i32.gt_u (local.get $size) (i32.const 40))) (then (return (i32.const 0))))
  (i32.store8 (i32.const 8) (i32.const 1)) ${at}`;
const RELEASE = '(i32.store8 (i32.const 8) (i32.const 0))';
const TAKEN = '(memory (export "memory") 4 16) (data (i32.const 70000) "variables")';
const LOG = '(import "env" "log" (func $log))';

/** Enough letters that zeroing them makes the snapshot smaller. */
const LETTERS = '(memory.fill (i32.const 1000) (i32.const 1) (i32.const 60000))';
const kept = async (...parts) => (await capture(scrubbed(allocator(...parts)))).scrubbed;

await test('what is right is not refused', async () => {
  assert.equal((await kept(single('(i32.const 2000)'), RELEASE, LETTERS, TAKEN)).allocator, 'malloc');
  assert.equal((await kept(`${atMost(32)} ${POP}`, PUSH, freed(100_000, 32))).free, 32);
});

const DIARY = `(i32.store (i32.const 12) (i32.add (i32.load (i32.const 12)) (i32.const 4)))
  (i32.store (i32.add (i32.const 66000) (i32.rem_u (i32.load (i32.const 12)) (i32.const 3000))) (i32.load (i32.const 12)))`;
const INTO_LIST = '(i32.store (i32.const 16) (i32.const 70000))';

const cases = {
  'what is given back is kept': [
    [`(if (i32.gt_u (local.get $size) (i32.sub (i32.const 65000) (i32.load (i32.const 4)))) (then (return (i32.const 0))))
      (i32.store (i32.const 4) (i32.add (i32.load (i32.const 4)) (local.get $size)))
      (i32.add (i32.const 16) (i32.sub (i32.load (i32.const 4)) (local.get $size)))`, '', LETTERS],
    /of \d+ bytes that were freed, only \d+ could be allocated again: the allocator keeps what it is given back/,
  ],
  'a quarantine': [
    [`${atMost(4096)} ${POP}`, `(i32.store (i32.const 20) (i32.add (i32.load (i32.const 20)) (i32.const 1)))
      (if (i32.eqz (i32.rem_u (i32.load (i32.const 20)) (i32.const 50))) (then (return))) ${PUSH}`,
     `(loop $more (call $free (i32.add (i32.const 4096) (i32.mul (local.get $i) (i32.const 4096))))
        (br_if $more (i32.lt_u (local.tee $i (i32.add (local.get $i) (i32.const 1))) (i32.const 60))))`],
    /the allocator keeps what it is given back/,
  ],
  'memory that stays cut': [
    [`${atMost(4096)} ${POP}`, PUSH, freed(65536, 100_000)],
    /of \d+ bytes that are free, only \d+ can be allocated in blocks of \d+ bytes/,
  ],
  'going on without growth': [
    [`${atMost(32)} (if (i32.eqz (i32.load (i32.const 12))) (then
        (local.set $p (memory.grow (i32.const 1)))
        (if (i32.ne (local.get $p) (i32.const -1)) (then (return (i32.mul (local.get $p) (i32.const 65536)))))
        (i32.store (i32.const 12) (i32.const 1)))) ${POP}`, PUSH, freed(65536, 32)],
    /the allocator wanted more memory and went on without it/,
  ],
  'growth when something is freed': [
    [`${atMost(32)} ${POP}`, `(drop (memory.grow (i32.const 1))) ${PUSH}`, '(i32.store (i32.const 16) (i32.const 65536))'],
    /the allocator wanted more memory and went on without it/,
  ],
  'freeing more than a block': [
    [`(local.set $p (i32.add (i32.const 1024) (i32.load (i32.const 8))))
      (if (i32.gt_u (local.get $size) (i32.sub (i32.const 262144) (local.get $p))) (then (return (i32.const 0))))
      (i32.store (i32.const 8) (i32.add (i32.load (i32.const 8)) (local.get $size))) (local.get $p)`,
     '(i32.store (i32.const 8) (i32.const 0))', '(memory.fill (call $malloc (i32.const 3000)) (i32.const 65) (i32.const 3000))'],
    /which it had not given away before: freeing frees more than a block/,
  ],
  'what freeing changes elsewhere': [
    [`${atMost(32)} ${POP}`, `(if (i32.load (i32.const 60)) (then (memory.fill (i32.const 150000) (i32.const 0) (i32.const 5000)))) ${PUSH}`,
     `(memory.fill (i32.const 150000) (i32.const 65) (i32.const 5000)) ${freed(100_000, 32)} (i32.store (i32.const 60) (i32.const 1))`],
    /changed 1250 words outside of what is free, more than an allocator needs/,
  ],
  'a diary of its calls': [
    [`${DIARY} ${single('(i32.const 2000)')}`, DIARY.repeat(20) + RELEASE, LETTERS, TAKEN],
    /allocating and freeing changes \d+ other words each time/,
  ],
  'variables that are given away': [[`${atMost(32)} ${POP}`, PUSH, INTO_LIST, TAKEN], /where variables are/],
  'a block beyond the end': [[single('(i32.const 262132)'), RELEASE, LETTERS, TAKEN], /where no block can be/],
  'a block that is not aligned': [[single('(i32.const 2001)'), RELEASE, LETTERS, TAKEN], /where no block can be/],
  'blocks that overlap': [
    [`(if (i32.gt_u (i32.load8_u (i32.const 8)) (i32.const 1)) (then (return (i32.const 0))))
      (i32.store8 (i32.const 8) (i32.add (i32.load8_u (i32.const 8)) (i32.const 1)))
      (i32.add (i32.const 2000) (i32.mul (i32.const 4) (i32.load8_u (i32.const 8))))`,
     '(i32.store8 (i32.const 8) (i32.sub (i32.load8_u (i32.const 8)) (i32.const 1)))', LETTERS, TAKEN],
    /where another block is/,
  ],
  'freeing that fails': [[single('(i32.const 2000)'), 'unreachable', LETTERS, TAKEN], /a block could not be freed/],
  'freeing that calls JavaScript': [[single('(i32.const 2000)'), '(call $log)', LETTERS, `${LOG} ${TAKEN}`], /a block could not be freed|freeing called JavaScript/],
  'a global that is left changed': [
    [single('(i32.const 2000)'), `${RELEASE} (global.set $g (i32.const 3))`, LETTERS, `${TAKEN} (global $g (mut i32) (i32.const 65536))`],
    /changed something else than memory/,
  ],
  'a table that is left changed': [
    [single('(table.set (i32.const 0) (ref.func $malloc)) (i32.const 2000)'), RELEASE, LETTERS, `${TAKEN} (table 1 4 funcref) (elem declare func $malloc)`],
    /changed something else than memory/,
  ],
  'data of which nobody knows where it is': [
    [`${atMost(32)} ${POP}`, PUSH, INTO_LIST, `(memory (export "memory") 4 16) (data $d "variables")
      (func (export "more") (memory.init $d (i32.const 0) (i32.const 0) (i32.const 4)))`],
    /it is not known where variables are/,
  ],
  'no memory': [['(local.get $size)', '', '', ''], /the module has no memory/],
};

for (const [what, [parts, expected]] of Object.entries(cases)) {
  await test(what, () => refused(scrubbed(allocator(...parts)), new RegExp(`^free memory is not zeroed: .*(${expected.source})`)));
}

await test('functions of other shapes are no allocator', async () => {
  const file = join(work, 'shapes.wat');
  writeFileSync(file, `(module (memory (export "memory") 1) (func (export "preinit")) (func (export "init"))
    (func (export "malloc") (param i32 i32) (result i32) (i32.const 0)) (func (export "free") (param i32 i32 i32)))`);
  await refused(scrubbed(converted(preinit, file)), /no allocator was found among the module's exports and names/);
});

rmSync(work, { recursive: true });
