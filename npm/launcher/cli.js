#!/usr/bin/env node
import { spawnSync } from 'node:child_process';

/** Commands in JavaScript, which a package has that comes with them. */
const COMMANDS = { dotnet: './js/dotnet/cli.js' };

async function main(args) {
  const command = Object.hasOwn(COMMANDS, args[0]) ? await import(COMMANDS[args[0]]).catch(missing) : undefined;
  if (command) return command.run(args.slice(1));
  const { default: path } = await import('./index.js');
  const { error, signal, status } = spawnSync(path, args, { stdio: 'inherit' });
  if (error) throw error;
  if (signal) process.kill(process.pid, signal);
  return status;
}

/** For `@preinit/wizer`, and for a package without its core, this is the name of a file as any other. */
function missing(error) {
  if (error.code !== 'ERR_MODULE_NOT_FOUND') throw error;
  return undefined;
}

process.exitCode = await main(process.argv.slice(2));
