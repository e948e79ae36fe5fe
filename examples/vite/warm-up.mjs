// What is in the snapshot: the first conversion unpacks the dictionaries.
import init, { simplecc } from 'simplecc-wasm/web';

export async function run() {
  await init();
  simplecc('鼠标', 's2t');
}

// What has to be the same with it. It is also what is measured when the bundle is built.
export async function calls() {
  await init();
  return [simplecc('发财了去发廊', 's2t'), simplecc('我们', 's2t')];
}
