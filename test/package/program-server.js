// Runs the programs that its parent names, one after the other, each as in a process of its own: its modules are loaded anew, and it
// ends when nothing is left that keeps a process alive. Packages stay loaded, which takes most of the time of a short program.
import { writeSync } from 'node:fs';
import { pathToFileURL } from 'node:url';

let mark;
let runs = 0;
process.on('disconnect', () => process.exit());
process.on('message', async ({ file, args, cwd, mark: end }) => {
  mark = end;
  process.chdir(cwd);
  process.argv = [process.execPath, file, ...args];
  process.exitCode = undefined;
  // From now on only the program keeps this process alive.
  process.channel.unref();
  await import(`${pathToFileURL(file)}?run=${runs++}`);
});
process.on('beforeExit', () => {
  if (mark === undefined) return;
  process.channel.ref();
  // Writes to a pipe are synchronous on every system but Windows, so all output comes before the mark.
  writeSync(1, mark);
  mark = undefined;
  process.send(process.exitCode ?? 0);
});
process.send('ready');
