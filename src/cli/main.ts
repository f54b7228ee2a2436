#!/usr/bin/env node
import { guardOutput } from './guard-output.js';
import { createProgram } from './program.js';
import { runProgram } from './run-program.js';

guardOutput();
process.exitCode = await runProgram(await createProgram(process.argv.slice(2)), process.argv);
