// node commands-in-terminal.js <mark> <commands as JSON>: runs commands one after the other, as dist/cli/main.js does, with a mark after each.
import { createProgram } from '../../dist/cli/program.js';
import { runProgram } from '../../dist/cli/run-program.js';

const [mark, commands] = process.argv.slice(2);
for (const args of JSON.parse(commands)) {
  await runProgram(await createProgram(args), [process.execPath, 'millrace', ...args]);
  process.stdout.write(mark);
}
