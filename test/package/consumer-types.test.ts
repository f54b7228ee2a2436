import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';

const path = (relative: string) => fileURLToPath(new URL(relative, import.meta.url));

describe('the type declarations', () => {
  it.each(['typescript', 'typescript-7'])(
    'stand in a plain project, checked whole by %s',
    async (compiler) => {
      const tsc = path(`../../node_modules/${compiler}/bin/tsc`);
      const check = promisify(execFile)(process.execPath, [tsc, '-p', path('../fixtures/consumer')]);
      await expect(check.then(({ stdout }) => stdout)).resolves.toBe('');
    },
  );
});
