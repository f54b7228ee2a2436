import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { python, pythonEnvironment } from './python.js';

const here = (relative: string) => fileURLToPath(new URL(relative, import.meta.url));

/** The files of a guide in a folder, as a reader writes them: those that the first line of a snippet names. */
export class GuideProject {
  // Inside the package, so that `millrace` is this build.
  readonly #folder = mkdtempSync(here('g-'));
  /** The command that makes the data. */
  #prepare = '';

  constructor(guide: string) {
    const text = readFileSync(here(`../../docs/guides/${guide}.md`), 'utf8');
    for (const [, language, code] of text.matchAll(/```(\w+)\n([\s\S]*?)```/g)) {
      const [, file] = /^(?:\/\/|#) (\S+\.(?:ts|py))\n/.exec(code!) ?? [];
      if (file) writeFileSync(this.path(file), code!);
      else if (language === 'sh' && code!.startsWith('node -e')) this.#prepare = code!;
    }
  }

  path(file: string): string {
    return join(this.#folder, file);
  }

  /** Makes the data, and runs a program. @returns what it printed */
  async python(file: string): Promise<string> {
    const options = { cwd: this.#folder, env: pythonEnvironment };
    await promisify(execFile)('sh', ['-c', this.#prepare], options);
    return (await promisify(execFile)(python, [file], options)).stdout;
  }

  remove(): void {
    rmSync(this.#folder, { recursive: true, force: true });
  }
}
