// preinit dotnet: an application of .NET that starts warmed up.
import { existsSync, readFileSync } from 'node:fs';
import { join, resolve, sep } from 'node:path';
import { parseArgs } from 'node:util';
import { printableLines } from '../printable.js';
import { readApplication, Unfit } from './application.js';
import { parseCall } from './call.js';
import { captureInNode } from './node_host.js';
import { checkReplaced, writeOutput } from './output.js';
import { messages } from './report.js';
import { Refusal } from './session.js';
import { snapshotOf } from './snapshot.js';
import { Variables } from './variables.js';

const HELP = `Makes a published application of .NET start from a snapshot of its warmed-up state

Usage: preinit dotnet [OPTIONS] <FOLDER> -o <OUT>

Arguments:
  <FOLDER>  What \`dotnet publish\` has written: wwwroot, or the AppBundle of a program for Node

Options:
  -o, --output <OUT>      The folder to write; one that an earlier run wrote is replaced
      --host <HOST>       Where the application starts: browser (default if it has a page) or node
      --at <PLACE>        When the state is taken: point (Main waits at its capture point), main (Main has returned), start
                          (before Main). By default wherever Main comes to rest first, and start if a page has no capture point
      --resume <METHOD>   The exported method that goes on from the capture point [default: the CapturePoint.Resume that is found]
      --main-args <ARG>   An argument of Main during the capture; it is in the snapshot, which everybody can read; repeatable
      --warm <CALL>       An exported method to call before the state is taken: 'Ns.Class.Method("text", 3, @"file")'. What it reads
                          may stay in the snapshot; repeatable
      --assembly <NAME>   Whose exported methods --warm calls [default: the main assembly]
      --env <NAME=VALUE>  An environment variable of the application during the capture; it is empty afterwards. What the program has
                          read of it may stay in the snapshot, and the report says so; repeatable
      --address <URL>     The address of the application, where it is known; without it, a stand-in is exchanged at each start
      --allow <FUNCTION>  An imported function of JavaScript whose effects nobody needs at a start, as a refusal names it; repeatable
      --wait <SECONDS>    How long the application may take to come to rest [default: 60]
      --chromium <PATH>   The browser [default: chromium or chrome, as it is found]
      --report <FILE>     Writes what was found as JSON
      --print-capture-point  Prints the file with which Main says where the state should be taken
  -h, --help              Prints this
`;

const OPTIONS = {
  output: { type: 'string', short: 'o' },
  host: { type: 'string' },
  at: { type: 'string' },
  resume: { type: 'string' },
  'main-args': { type: 'string', multiple: true, default: [] },
  warm: { type: 'string', multiple: true, default: [] },
  assembly: { type: 'string' },
  env: { type: 'string', multiple: true, default: [] },
  address: { type: 'string' },
  allow: { type: 'string', multiple: true, default: [] },
  wait: { type: 'string', default: '60' },
  chromium: { type: 'string' },
  report: { type: 'string' },
  'print-capture-point': { type: 'boolean', default: false },
  help: { type: 'boolean', short: 'h', default: false },
};

class Usage extends Error {}

const oneOf = (name, value, allowed) => {
  if (value !== undefined && !allowed.includes(value)) throw new Usage(`--${name} ${value}: should be ${allowed.join(', ')}`);
  return value;
};

function variables(given) {
  return Object.fromEntries(given.map((text) => {
    const at = text.indexOf('=');
    if (at < 1) throw new Usage(`--env ${at === 0 ? '=…' : text}: should be NAME=VALUE`);
    return [text.slice(0, at), text.slice(at + 1)];
  }));
}

function address(text) {
  if (text === undefined) return undefined;
  if (!URL.canParse(text) || !/^https?:/.test(text)) throw new Usage(`--address ${text}: should be like https://example.com/shop/`);
  return new URL('.', text).href;
}

/** Arguments as what the stages want. */
function tasked(values, [folder, ...more]) {
  if (folder === undefined || more.length > 0) throw new Usage('give one folder, the one that `dotnet publish` has written');
  if (values.output === undefined) throw new Usage('give the folder to write with -o');
  const wait = Number(values.wait);
  if (!(wait > 0)) throw new Usage(`--wait ${values.wait}: should be a number of seconds`);
  const [from, to] = [resolve(folder), resolve(values.output)];
  if (from === to || from.startsWith(to + sep)) throw new Usage(`-o ${values.output}: it would replace ${folder}`);
  return {
    folder: from,
    out: to,
    host: oneOf('host', values.host, ['node', 'browser']),
    variables: variables(values.env),
    calls: values.warm.map((text) => parseCall(text)),
    options: {
      at: oneOf('at', values.at, ['point', 'main', 'start']),
      resume: values.resume,
      mainArguments: values['main-args'],
      assembly: values.assembly,
      address: address(values.address),
      allow: values.allow,
      wait,
      chromium: values.chromium,
    },
    report: values.report,
  };
}

async function make(task) {
  const application = readApplication(task.folder, [task.out]);
  checkReplaced(application, task.out);
  const host = task.host ?? (existsSync(join(application.root, 'index.html')) ? 'browser' : 'node');
  const capture = host === 'node' ? captureInNode : (await import('./browser_host.js')).captureInBrowser;
  const captured = await capture(application, task).catch((error) => {
    if (error.needs !== 'time zone') throw error;
    // It has been looked up and cannot be forgotten: the snapshot is for those who have the same.
    return capture(application, { ...task, options: { ...task.options, zone: Intl.DateTimeFormat().resolvedOptions().timeZone } });
  });
  const original = new Uint8Array(readFileSync(join(application.framework, application.native)));
  const snapshot = await snapshotOf(original, captured);
  const written = writeOutput(application, task.out, { snapshot, facts: captured.facts });
  return { host, application, captured, snapshot, written };
}

/** Runs the command, and gives its exit code: 0 done, 1 refused, 2 could not. */
export async function run(args) {
  // What the application says may have the values that --env gives it.
  let hidden = (text) => text;
  try {
    const { values, positionals } = parseArgs({ args, options: OPTIONS, allowPositionals: true });
    if (values.help) return process.stdout.write(HELP), 0;
    if (values['print-capture-point']) {
      process.stdout.write(readFileSync(new URL('./CapturePoint.cs', import.meta.url)));
      return 0;
    }
    const task = tasked(values, positionals);
    const given = new Variables(task.variables);
    hidden = (text) => given.hidden(text);
    const { text, json } = messages(await make(task), task.out, hidden);
    process.stdout.write(text);
    if (task.report) (await import('node:fs')).writeFileSync(task.report, `${JSON.stringify(json, null, 2)}\n`);
    return 0;
  } catch (error) {
    const isUsage = error instanceof Usage || error.code?.startsWith('ERR_PARSE_ARGS');
    const isRefused = error instanceof Refusal || error instanceof Unfit;
    process.stderr.write(`error: ${printableLines(isRefused || isUsage ? error.message : hidden(error.message))}\n${isUsage ? 'See preinit dotnet --help\n' : ''}`);
    return isRefused ? 1 : 2;
  }
}
