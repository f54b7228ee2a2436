#!/usr/bin/env node
import { createProgram } from './program.js';
import { runProgram } from './run-program.js';

process.exitCode = await runProgram(await createProgram(process.argv[2]), process.argv);
