// The TypeScript of the pages, as a user would paste it: compiled strictly, and run in the order of the page on small data
// (surroundings/). Each page runs in its own process and folder.
import { execFile } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

const path = (relative: string) => fileURLToPath(new URL(relative, import.meta.url));

const pages = readdirSync(path('surroundings')).map((file) => file.slice(0, -'.ts'.length));

/** Snippets that are compiled but not run: the page, words of the snippet, and the reason. */
const notRun: readonly (readonly [page: string, words: string, reason: string])[] = [
  ['data', 's3://bucket/train', 'there is no such bucket; test/storage/s3.test.ts has one'],
  ['data', 'fromTemporaryCredentials', 'needs an account; test/storage/credentials.test.ts has a stand-in'],
  [
    'data',
    's3://bucket/events',
    'there is no such bucket; test/formats/delta.test.ts and databases.test.ts have tables',
  ],
  ['data', 'stanfordnlp/imdb', 'the Hub is elsewhere; test/formats/hub has a stand-in'],
  ['data', 'https://host/train', 'there is no such server; test/formats/remote-data.test.ts has one'],
  ['accelerators', 'deviceBatches', 'needs a GPU and CUDA; test/accelerator runs it if both are present'],
  ['accelerators', 'gpuBatches', 'needs a GPU and WebGPU; test/accelerator runs it if both are present'],
  ['browser', 'new Worker(', 'needs a page; test/browser/workers.test.ts is one'],
];

/** The port that a snippet opens. The test replaces it by any free port. */
const port = '9464';

interface Snippet {
  readonly name: string;
  readonly code: string;
  /** Why the snippet is not run. */
  readonly reason: string | undefined;
}

// Inside the package, so that `millrace` is this build and other packages are found.
let folder: string;
let compilerOutput: string;
beforeAll(async () => {
  folder = mkdtempSync(path('docs-'));
  for (const page of pages) write(page);
  const inBrowser = (page: string) => page === 'browser';
  compilerOutput = await compile(
    pages.filter((page) => !inBrowser(page)),
    [],
  );
  compilerOutput += await compile(pages.filter(inBrowser), ['DOM']);
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe('the TypeScript of the pages', () => {
  it('compiles in strict mode', () => {
    expect(compilerOutput).toBe('');
  });

  it.each(pages)('%s: the snippets run', async (page) => {
    const snippets = snippetsOf(page);
    expect(snippets.length).toBeGreaterThan(1);
    for (const { name, reason } of snippets)
      if (reason) console.log(`${page}, ${name} is not run: ${reason}.`);
    await run(
      page,
      snippets.filter(({ reason }) => reason === undefined).map(({ name }) => name),
    );
  });

  it('covers every page with snippets, here or with the guides', () => {
    const withCode = readdirSync(path('../../docs'))
      .filter((file) => file.endsWith('.md') && snippetsIn(file).length > 0)
      .map((file) => file.slice(0, -'.md'.length));
    expect([...pages, 'troubleshooting'].sort()).toEqual(withCode.sort());
  });

  it.each(notRun)('%s: one snippet contains %s', (page, words) => {
    expect(snippetsIn(`${page}.md`).filter((code) => code.includes(words))).toHaveLength(1);
  });
});

describe('docs/guarantees.md', () => {
  it('refers only to existing tests', () => {
    const text = readFileSync(path('../../docs/guarantees.md'), 'utf8');
    const tests = [...text.matchAll(/`(test\/[^`\s]+)`/g)].map(([, file]) => file!);
    expect(tests.length).toBeGreaterThan(50);
    expect(tests.filter((file) => !existsSync(path(`../../${file}`)))).toEqual([]);
  });
});

describe('llms.txt', () => {
  const text = readFileSync(path('../../llms.txt'), 'utf8');

  it('links only to existing pages, and to every guide', () => {
    const links = [...text.matchAll(/\]\(([^)]+)\)/g)].map(([, file]) => file!);
    expect(links.filter((file) => !existsSync(path(`../../${file}`)))).toEqual([]);
    const guides = readdirSync(path('../../docs/guides')).map((file) => `docs/guides/${file}`);
    expect(guides.filter((file) => !links.includes(file))).toEqual([]);
  });

  it('names every entry point', () => {
    const { exports } = JSON.parse(readFileSync(path('../../package.json'), 'utf8'));
    const names = Object.keys(exports).filter((name) => /^\.\/[a-z]+$/.test(name));
    expect(names.length).toBeGreaterThan(15);
    expect(names.filter((name) => !text.includes(`/${name.slice(2)}`))).toEqual([]);
  });
});

describe('docs/architecture.md', () => {
  const text = readFileSync(path('../../docs/architecture.md'), 'utf8');

  it('describes each journey in at most 25 files, all of which exist', () => {
    const journeys = text.split(/^## /m).filter((section) => section.startsWith('Journey'));
    expect(journeys).toHaveLength(3);
    for (const journey of journeys) {
      const files = [...journey.matchAll(/^\| `(src\/[^`]+)`/gm)].map(([, file]) => file!);
      expect(files.length).toBeGreaterThan(15);
      expect(files.length).toBeLessThanOrEqual(25);
      expect(files.filter((file) => !existsSync(path(`../../${file}`)))).toEqual([]);
    }
  });

  it('lists the rooms in the order that the linter checks', () => {
    const script = readFileSync(path('../../scripts/check-rooms.js'), 'utf8');
    const [, list] = script.match(/const rooms = \[([^\]]+)\]/) ?? [];
    const rooms = [...list!.matchAll(/'([^']+)'/g)].map(([, room]) => room);
    expect([...text.matchAll(/^\| `([a-z]+)` \|/gm)].map(([, room]) => room)).toEqual(rooms);
  });
});

describe('docs/troubleshooting.md', () => {
  it('contains the docstrings of all error classes', async () => {
    const script = path('../../scripts/docs/write-error-codes.js');
    await promisify(execFile)(process.execPath, [script, '--check']);
  });
});

function snippetsIn(file: string): string[] {
  const text = readFileSync(path(`../../docs/${file}`), 'utf8');
  return [...text.matchAll(/```ts\n([\s\S]*?)```/g)].map(([, code]) => code!);
}

function snippetsOf(page: string): Snippet[] {
  return snippetsIn(`${page}.md`).map((code, i) => {
    const reason = notRun.find(([where, words]) => where === page && code.includes(words))?.[2];
    return { name: `snippet-${i + 1}`, code, reason };
  });
}

/** Writes the snippets of a page as modules, and as the files of a project that their first lines name. */
function write(page: string): void {
  const program = join(folder, page);
  mkdirSync(join(program, 'project'), { recursive: true });
  const surroundings = readFileSync(path(`surroundings/${page}.ts`), 'utf8');
  writeFileSync(join(program, 'surroundings.ts'), surroundings);
  const given = [...surroundings.matchAll(/^export const (\w+)/gm)].map(([, name]) => name!);
  for (const { name, code } of snippetsOf(page)) {
    writeFileSync(join(program, `${name}.ts`), complete(code, given));
    const [, file] = code.match(/^\/\/ (\S+\.ts)\n/) ?? [];
    if (file) writeFileSync(join(program, 'project', file), code);
  }
}

/** A snippet as a module that imports the names that it uses but does not declare. */
function complete(code: string, given: readonly string[]): string {
  const declares = (name: string) => new RegExp(`(const|let) (\\{[^}]*)?\\b${name}\\b`).test(code);
  const missing = given.filter((name) => !declares(name));
  return `${code}\nimport { ${missing.join(', ')} } from './surroundings.js';\n`;
}

/** Compiles pages to JavaScript beside their TypeScript. @returns the output of the compiler */
async function compile(pages: readonly string[], libraries: readonly string[]): Promise<string> {
  const compilerOptions = {
    target: 'ES2022',
    lib: ['ES2022', 'ESNext.Disposable', ...libraries],
    types: ['node'],
    module: 'nodenext',
    strict: true,
  };
  const include = pages.map((page) => `${page}/*.ts`);
  writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify({ compilerOptions, include }));
  const tsc = path('../../node_modules/typescript-7/bin/tsc');
  return promisify(execFile)(process.execPath, [tsc, '-p', folder]).then(
    ({ stdout }) => stdout,
    ({ stdout }) => stdout,
  );
}

/** Runs snippets in order in one process, which ends with the last. @throws an error with the output of the process */
async function run(page: string, snippets: readonly string[]): Promise<void> {
  const program = join(folder, page);
  for (const name of snippets) {
    const file = join(program, `${name}.js`);
    writeFileSync(file, readFileSync(file, 'utf8').replace(port, '0'));
  }
  // The environment first: the compiler drops the import from snippets that use none of its names.
  const imports = ['surroundings', ...snippets].map((name) => `await import('./${name}.js');`);
  writeFileSync(join(program, 'run.js'), `${imports.join('\n')}\nprocess.exit();\n`);
  const { NODE_V8_COVERAGE: _, ...env } = process.env;
  await promisify(execFile)(process.execPath, ['../run.js'], { cwd: join(program, 'project'), env });
}
