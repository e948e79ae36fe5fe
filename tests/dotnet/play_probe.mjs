// One start of test-programs/dotnet/Probe.cs: node play_probe.mjs FRAMEWORK MAIN STEPS. MAIN are arguments of Main, or null if it ran before the
// capture. Prints what the steps answered, as JSON. A step is a text for Probe.Do, or [delay, rounds] for Probe.Wait, or a number of
// milliseconds to let pass; those in a list go on together.
import { pathToFileURL } from 'node:url';

const [framework, main, steps] = process.argv.slice(2);
const said = [];
console.warn = (...all) => said.push(all.join(' '));
globalThis.makeObject = (name) => ({ name });
globalThis.never = () => new Promise(() => {});
globalThis.soon = () => new Promise((resolve) => setTimeout(resolve, 50));
const { dotnet } = await import(pathToFileURL(`${framework}/dotnet.js`));
const api = await dotnet.create();
const code = await api.runMain('Probe', JSON.parse(main) ?? undefined);
const { Probe } = await api.getAssemblyExports('Probe.dll');

async function done(step) {
  try {
    if (Array.isArray(step)) return await (typeof step[0] === 'number' ? Probe.Wait(...step) : Promise.all(step.map(done)));
    if (typeof step === 'number') return await new Promise((resolve) => setTimeout(resolve, step));
    return Probe.Do(step);
  } catch (error) {
    return `error: ${error.message}`;
  }
}
const answers = [];
for (const step of JSON.parse(steps)) answers.push((await done(step)) ?? null);
process.stdout.write(`${JSON.stringify({ code, answers, said })}\n`, () => process.exit(0));
