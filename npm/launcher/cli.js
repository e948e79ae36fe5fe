#!/usr/bin/env node
import { spawnSync } from 'node:child_process';
import path from './index.js';

const { error, signal, status } = spawnSync(path, process.argv.slice(2), { stdio: 'inherit' });
if (error) throw error;
if (signal) process.kill(process.pid, signal);
process.exitCode = status;
