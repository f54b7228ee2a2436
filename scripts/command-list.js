// Writes the list of commands that `millrace --help` and `millrace completion` show.
import { writeFileSync } from 'node:fs';
import { commandListFile, listCommands } from '../dist/cli/completion/command-list.js';
import { loadProgram } from '../dist/cli/program.js';

writeFileSync(commandListFile, JSON.stringify(listCommands(await loadProgram())));
