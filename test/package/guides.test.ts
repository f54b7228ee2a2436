// The guides as their readers would follow them: the TypeScript of a page is written into the files that it names, its
// shell snippets are run there, and what they print is what the page says.
import { execFile } from 'node:child_process';
import { appendFileSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

const path = (relative: string) => fileURLToPath(new URL(relative, import.meta.url));
const guides = readdirSync(path('../../docs/guides'))
  .filter((file) => file.endsWith('.md'))
  .map((file) => file.slice(0, -'.md'.length));

interface Snippet {
  readonly language: string;
  readonly code: string;
}

// Inside the package, so that `millrace` is this build and other packages are found.
let folder: string;
beforeAll(() => {
  folder = mkdtempSync(path('guides-'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe('the guides', () => {
  it.each(guides)('%s: its snippets run in order and print what the page says', async (guide) => {
    const snippets = snippetsOf(guide);
    const place = join(folder, guide);
    mkdirSync(place);
    let file = 'train.ts';
    for (const [i, { language, code }] of snippets.entries()) {
      if (language === 'ts') {
        file = code.match(/^\/\/ (\S+\.ts)$/m)?.[1] ?? file;
        appendFileSync(join(place, file), code);
      } else if (language === 'sh') {
        const printed = await run(code, place);
        const next = snippets[i + 1];
        if (next?.language === 'text') expect(printed).toBe(next.code);
      }
    }
    const programs = snippets.filter(({ language }) => language === 'ts').length;
    const runs = snippets.filter(({ language }) => language === 'sh').length;
    expect(runs, 'a guide with programs runs them').toBeGreaterThanOrEqual(Math.min(programs, 1));
  });

  it('every text that a guide shows as printed stands behind the command that prints it', () => {
    for (const guide of guides) {
      const snippets = snippetsOf(guide);
      const languages = snippets.map(({ language }) => language);
      expect(languages.filter((language) => !['ts', 'sh', 'text', 'console'].includes(language))).toEqual([]);
      for (const [i, language] of languages.entries())
        if (language === 'text') expect(languages[i - 1], `${guide}: ${snippets[i]!.code}`).toBe('sh');
    }
  });

  it('the programs of all guides compile, strictly', { timeout: 120_000 }, async () => {
    const compilerOptions = {
      target: 'ES2022',
      lib: ['ES2022', 'ESNext.Disposable'],
      types: ['node'],
      module: 'nodenext',
      strict: true,
      skipLibCheck: true,
      allowImportingTsExtensions: true,
      noEmit: true,
    };
    writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify({ compilerOptions, include: ['**/*.ts'] }));
    const tsc = path('../../node_modules/typescript-7/bin/tsc');
    const said = await promisify(execFile)(process.execPath, [tsc, '-p', folder]).then(
      ({ stdout }) => stdout,
      ({ stdout }) => stdout,
    );
    expect(said).toBe('');
  });
});

function snippetsOf(guide: string): Snippet[] {
  const page = readFileSync(path(`../../docs/guides/${guide}.md`), 'utf8');
  return [...page.matchAll(/^```(\w*)\n([\s\S]*?)^```$/gm)].map(([, language, code]) => ({
    language: language!,
    code: code!,
  }));
}

/** Runs a shell snippet as in a project that has the packages: `npx` finds their commands, and `millrace` is this build. */
async function run(code: string, cwd: string): Promise<string> {
  const shell = `set -euo pipefail\nmillrace() { node "$MILLRACE" "$@"; }\nnpx() { "$@"; }\n${code}`;
  const env = {
    ...process.env,
    PATH: [path('../../node_modules/.bin'), process.env.PATH].join(delimiter),
    MILLRACE: path('../../dist/cli/main.js'),
    NO_COLOR: '1',
    FORCE_COLOR: undefined,
    NODE_OPTIONS: undefined,
  };
  const { stdout } = await promisify(execFile)('bash', ['-c', shell], { cwd, env });
  return stdout;
}
