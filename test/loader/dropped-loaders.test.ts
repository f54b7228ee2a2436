import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect, it } from 'vitest';

// Bun's garbage collector keeps what the stack seems to point to, here the last loader, so that the script would not end.
it.skipIf(process.versions.bun)(
  'ends the workers of loaders that were dropped without close, with one warning',
  async () => {
    const script = fileURLToPath(new URL('../fixtures/dropped-loaders.js', import.meta.url));
    const { stdout } = await promisify(execFile)(process.execPath, ['--expose-gc', script]);
    expect(JSON.parse(stdout)).toEqual({ closed: 6, warnings: ['MILLRACE_LOADER_NOT_CLOSED'] });
  },
);
