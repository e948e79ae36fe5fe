// Mono's interpreter compiles what is used often to WebAssembly, by JavaScript (the "jiterpreter"). What it has compiled could not be
// in a snapshot. So nothing is compiled until the capture, but what would be is counted: the snapshot goes on from there.

const HITS = 'jiterpreter-minimum-trace-hit-count';
const BOOST = 'jiterpreter-back-branch-boost';
const NEVER = 2 ** 31 - 1;
/** Those that have no count to be held back by. */
const SWITCHES = ['jiterpreter-interp-entry-enabled', 'jiterpreter-jit-call-enabled'];
/** How many places the runtime keeps together. */
const SEGMENT = 1024;

export const optionsOfCapture = SWITCHES.map((name) => `--no-${name}`);

const number = (runtime, name) => runtime.lendTexts([name], (at) => runtime.exports.mono_jiterp_get_option_as_int(at));
const set = (runtime, option) => runtime.lendTexts([option], (at) => runtime.exports.mono_jiterp_parse_option(at));

function opcode(runtime, wanted) {
  for (let code = 0; code < 2000; code++) {
    const at = runtime.exports.mono_jiterp_get_opcode_info(code, 0);
    if (!at) return undefined;
    let end = at;
    while (runtime.view.getUint8(end) !== 0) end++;
    if (new TextDecoder().decode(runtime.bytes(at, end - at)).endsWith(wanted)) return code;
  }
  return undefined;
}

export class Interpreter {
  #runtime;
  #hits;

  /** Holds compilation back. */
  constructor(runtime) {
    this.#runtime = runtime;
    this.#hits = number(runtime, HITS);
    set(runtime, `--${HITS}=${NEVER}`);
  }

  /** Lets it compile again. `given` are the program's own options. Gives how many places will be compiled when they are next used. */
  release(given) {
    const runtime = this.#runtime;
    set(runtime, `--${HITS}=${this.#hits}`);
    for (const name of SWITCHES) if (!given.includes(`--no-${name}`)) set(runtime, `--${name}`);
    const instruction = opcode(runtime, 'tier_prepare_jiterpreter');
    if (instruction === undefined) return 0;
    const boost = number(runtime, BOOST);
    set(runtime, `--${BOOST}=0`);
    let ready = 0;
    // It is not to be known how many places there are; from some place on, none was met.
    for (let first = 0, isUsed = true; isUsed; first += SEGMENT) {
      isUsed = false;
      for (let place = first; place < first + SEGMENT; place++) {
        const hits = runtime.exports.mono_jiterp_get_trace_hit_count(place);
        isUsed ||= hits > 0;
        if (hits < this.#hits) continue;
        this.#lower(instruction, place);
        ready += 1;
      }
    }
    set(runtime, `--${BOOST}=${boost}`);
    return ready;
  }

  /** A place is compiled when its count is met, not above: the runtime's own function for loops, given an instruction, brings it there. */
  #lower(instruction, place) {
    const code = new Uint8Array(8);
    new DataView(code.buffer).setUint16(0, instruction, true);
    new DataView(code.buffer).setUint32(2, place, true);
    this.#runtime.lend(code, (at) => this.#runtime.exports.mono_jiterp_boost_back_branch_target(at));
  }
}
