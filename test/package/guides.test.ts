// The guides as a reader follows them: the TypeScript of a page is written to the files that it names, its shell snippets run
// there, and their output equals the text on the page. In `npm test` the TypeScript is translated once and run as by a Node.js
// that loads TypeScript itself, the programs of all pages in one process; in `npm run test:long` tsx runs each in its own. Starting
// tsx and loading Millrace takes most of the time of a program.
import { execFile, execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { delimiter, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { transform } from 'esbuild';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { redisProgram } from '../parts/cluster/redis-server.js';
import { isLong } from '../setup/search-size.js';
import { corpusServices } from './corpus-services.js';
import { ProgramRunner } from './program-runner.js';

const path = (relative: string) => fileURLToPath(new URL(relative, import.meta.url));
const pages = [
  'troubleshooting',
  ...readdirSync(path('../../docs/guides')).map((file) => `guides/${file.slice(0, -'.md'.length)}`),
];

interface Snippet {
  readonly language: string;
  readonly code: string;
}

/** Its commands use a bucket and Redis. */
const corpusPage = 'guides/prepare-a-corpus';

// Inside the package, so that `millrace` is this build and other packages are found.
let folder: string;
beforeAll(() => {
  folder = mkdtempSync(path('guides-'));
});
const programs = new ProgramRunner();
afterAll(() => {
  programs.close();
  rmSync(folder, { recursive: true, force: true });
});

describe('the guides', () => {
  it.each(pages.filter((page) => page !== corpusPage || redisProgram))(
    '%s: the snippets run in order and print what the page shows',
    async (page) => {
      const snippets = snippetsOf(page);
      const project = new Project(join(folder, 'run', page));
      const services = page === corpusPage ? await corpusServices() : undefined;
      try {
        for (const [i, { language, code }] of snippets.entries()) {
          if (language === 'ts') await project.write(code, isLong ? 'TypeScript' : 'JavaScript');
          if (language !== 'sh') continue;
          const printed = await run(code, project.folder, services?.env);
          const shown = snippets[i + 1];
          if (shown?.language === 'text') expect(printed).toBe(shown.code);
        }
        await services?.check(project.folder);
      } finally {
        await services?.close();
      }
    },
  );

  it.each(pages)('%s: each output follows its command, and each program is run', (page) => {
    const languages = snippetsOf(page).map(({ language }) => language);
    // test/serve/frameworks.test.ts runs the Python, where PyTorch is installed.
    const known = ['ts', 'sh', 'text', 'console', 'python'];
    expect(languages.filter((language) => !known.includes(language))).toEqual([]);
    for (const [i, language] of languages.entries())
      if (language === 'text') expect(languages[i - 1]).toBe('sh');
    if (languages.includes('ts'))
      expect(languages.lastIndexOf('sh')).toBeGreaterThan(languages.lastIndexOf('ts'));
  });

  it('compile in strict mode', async () => {
    for (const page of pages) {
      const project = new Project(join(folder, 'compile', page));
      for (const { language, code } of snippetsOf(page))
        if (language === 'ts') await project.write(code, 'TypeScript');
    }
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
    const config = join(folder, 'tsconfig.json');
    writeFileSync(config, JSON.stringify({ compilerOptions, include: ['compile/**/*.ts'] }));
    const tsc = path('../../node_modules/typescript-7/bin/tsc');
    const output = await promisify(execFile)(process.execPath, [tsc, '-p', config]).then(
      ({ stdout }) => stdout,
      ({ stdout }) => stdout,
    );
    expect(output).toBe('');
  });
});

/** The files of a page. A snippet that starts with `// name.ts` starts that file; others are appended to the last file. */
class Project {
  readonly folder: string;
  readonly #files = new Map<string, string>();
  #name = 'train.ts';

  constructor(folder: string) {
    this.folder = folder;
    mkdirSync(folder, { recursive: true });
  }

  /** Adds a snippet to its file. As JavaScript, the file keeps its name: the programs name it in their imports. */
  async write(code: string, language: 'TypeScript' | 'JavaScript'): Promise<void> {
    this.#name = code.match(/^\/\/ (\S+\.ts)\n/)?.[1] ?? this.#name;
    const whole = (this.#files.get(this.#name) ?? '') + code;
    this.#files.set(this.#name, whole);
    const text =
      language === 'TypeScript' ? whole : (await transform(whole, { loader: 'ts', target: 'node20' })).code;
    writeFileSync(join(this.folder, this.#name), text);
  }
}

function snippetsOf(page: string): Snippet[] {
  const text = readFileSync(path(`../../docs/${page}.md`), 'utf8');
  return [...text.matchAll(/^```(\w*)\n([\s\S]*?)^```$/gm)].map(([, language, code]) => ({
    language: language!,
    code: code!,
  }));
}

/** A line that runs one program, and what reads its output. */
const programLine = /^npx tsx (?<file>\S+)(?<args>(?: \d+)*)(?: \| (?<reader>.+))?$/;

/** Runs a shell snippet as in a project with the packages installed. */
async function run(code: string, cwd: string, more: Readonly<Record<string, string>> = {}): Promise<string> {
  const lines = code.trimEnd().split('\n');
  if (isLong || !lines.every((line) => programLine.test(line))) return runInShell(code, cwd, more);
  const printed: string[] = [];
  for (const line of lines) {
    const { file, args, reader } = programLine.exec(line)!.groups!;
    const output = await programs.run(file!, args!.split(' ').filter(Boolean), cwd);
    printed.push(reader ? execFileSync('bash', ['-c', reader], { input: output, encoding: 'utf8' }) : output);
  }
  return printed.join('');
}

/** Runs it in bash: `npx` finds the commands of packages and `millrace`. */
async function runInShell(
  code: string,
  cwd: string,
  more: Readonly<Record<string, string>>,
): Promise<string> {
  const functions = [
    'npx() { "$@"; }',
    // `tsx` starts Node.js twice, once to start it with these arguments.
    `tsx() { node --import ${isLong ? 'tsx' : path('javascript-in-ts.js')} "$@"; }`,
    'millrace() { node "$MILLRACE" "$@"; }',
  ];
  const shell = ['set -euo pipefail', ...functions, code].join('\n');
  const { NODE_V8_COVERAGE: _, ...inherited } = process.env;
  const commands = [path('../../node_modules/.bin'), dirname(process.execPath), process.env.PATH];
  const env = {
    ...inherited,
    ...more,
    PATH: commands.join(delimiter),
    NO_COLOR: '1',
    MILLRACE: path('../../dist/cli/main.js'),
  };
  const { stdout } = await promisify(execFile)('bash', ['-c', shell], { cwd, env });
  return stdout;
}
