// Runs the commands that its parent sends, one after the other, as dist/cli/main.js does: see in-one-process.ts.
import { writeSync } from 'node:fs';
import { createProgram } from '../../dist/cli/program.js';
import { runProgram } from '../../dist/cli/run-program.js';

process.on('disconnect', () => process.exit());
process.on('message', async ({ args, cwd, mark }) => {
  process.chdir(cwd);
  const status = await runProgram(await createProgram(args), [process.execPath, 'millrace', ...args]);
  // Writes to a pipe are synchronous on every system but Windows, so all output comes before the mark.
  for (const descriptor of [1, 2]) writeSync(descriptor, mark);
  process.send(status);
});
process.send('ready');
