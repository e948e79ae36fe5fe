// What is in the snapshot: the first conversion unpacks the dictionaries.
import init, { simplecc } from 'simplecc-wasm/web';

export async function run() {
  await init();
  simplecc('鼠标', 's2twp');
}

// What has to be the same with it. It is also what is measured when the bundle is built.
export async function calls() {
  await init();
  return [simplecc('鼠标里面的硅二极管坏了', 's2twp'), simplecc('发财了去发廊', 's2t')];
}
