// The TypeScript of the pages: checked by the compiler as a user would paste it, and run, in the order of the page, with small data
// (surroundings/). A page runs in one process and in a folder of its own.
import { execFile } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

const path = (relative: string) => fileURLToPath(new URL(relative, import.meta.url));

const pages = readdirSync(path('surroundings')).map((file) => file.slice(0, -'.ts'.length));

/** Snippets that are compiled only: the page, words of the snippet, and why. */
const notRun: readonly (readonly [page: string, words: string, reason: string])[] = [
  ['data', 's3://bucket/train', 'there is no such bucket; test/storage/s3.test.ts has one'],
  ['data', 'https://host/train', 'there is no such server; test/formats/remote-data.test.ts has one'],
  ['accelerators', 'deviceBatches', 'needs a GPU and CUDA; test/accelerator runs it where they are'],
  ['accelerators', 'gpuBatches', 'needs a GPU and WebGPU; test/accelerator runs it where they are'],
  ['browser', 'new Worker(', 'needs a page; test/browser/workers.test.ts is one'],
];

/** What a snippet listens at: another program may have it, so the test takes any that is free. */
const port = '9464';

interface Snippet {
  readonly name: string;
  readonly code: string;
  /** Why it is not run. */
  readonly reason: string | undefined;
}

// Inside the package, so that `millrace` is this build and other packages are found.
let folder: string;
let said: string;
beforeAll(async () => {
  folder = mkdtempSync(path('docs-'));
  for (const page of pages) write(page);
  const inBrowser = (page: string) => page === 'browser';
  said = await compile(
    pages.filter((page) => !inBrowser(page)),
    [],
  );
  said += await compile(pages.filter(inBrowser), ['DOM']);
}, 60_000);
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe('the TypeScript of the pages', { timeout: 60_000 }, () => {
  it('compiles, strictly', () => {
    expect(said).toBe('');
  });

  it.each(pages)('%s: its snippets run', async (page) => {
    const snippets = snippetsOf(page);
    expect(snippets.length).toBeGreaterThan(1);
    for (const { name, reason } of snippets)
      if (reason) console.log(`${page}, ${name} is not run: ${reason}.`);
    await run(
      page,
      snippets.filter(({ reason }) => reason === undefined).map(({ name }) => name),
    );
  });

  it('every page with TypeScript is checked: here, or with the guides', () => {
    const withCode = readdirSync(path('../../docs'))
      .filter((file) => file.endsWith('.md') && snippetsIn(file).length > 0)
      .map((file) => file.slice(0, -'.md'.length));
    expect([...pages, 'troubleshooting'].sort()).toEqual(withCode.sort());
  });

  it.each(notRun)('%s has one snippet with %s', (page, words) => {
    expect(snippetsIn(`${page}.md`).filter((code) => code.includes(words))).toHaveLength(1);
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

/** Writes the snippets of a page as modules, and the files of the project that they name in their first line. */
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

/** A snippet as a module, with what it uses and does not make. */
function complete(code: string, given: readonly string[]): string {
  const makes = (name: string) => new RegExp(`(const|let) (\\{[^}]*)?\\b${name}\\b`).test(code);
  const missing = given.filter((name) => !makes(name));
  return `${code}\nimport { ${missing.join(', ')} } from './surroundings.js';\n`;
}

/** Compiles pages to JavaScript beside their TypeScript. @returns what the compiler says */
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

/** Runs snippets one after the other in one process, which ends with the last. @throws what the process prints */
async function run(page: string, snippets: readonly string[]): Promise<void> {
  const program = join(folder, page);
  for (const name of snippets) {
    const file = join(program, `${name}.js`);
    writeFileSync(file, readFileSync(file, 'utf8').replace(port, '0'));
  }
  // First of all their data: the compiler leaves out an import of which a snippet uses no name.
  const imports = ['surroundings', ...snippets].map((name) => `await import('./${name}.js');`);
  writeFileSync(join(program, 'run.js'), `${imports.join('\n')}\nprocess.exit();\n`);
  const { NODE_V8_COVERAGE: _, ...env } = process.env;
  await promisify(execFile)(process.execPath, ['../run.js'], { cwd: join(program, 'project'), env });
}
