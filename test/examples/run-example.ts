import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

/**
 * Runs an example with the command in its first line, and returns its output. Rejects if it fails or writes to
 * stderr.
 */
export async function runExample(name: string, ...values: readonly string[]): Promise<string> {
  const main = fileURLToPath(new URL(`../../examples/${name}/main.js`, import.meta.url));
  const { stdout, stderr } = await promisify(execFile)(process.execPath, [main, ...values]);
  if (stderr !== '') throw new Error(`${name} complains:\n${stderr}`);
  return stdout;
}
