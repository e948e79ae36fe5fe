function deep() {
  throw new Error('boom at init');
}
deep();

export function run(input) {
  return input;
}
