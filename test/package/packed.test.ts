// The package as a user has it: the tarball that is published, installed in an empty project without optional peers.
import { execFile, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { x } from 'tar';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ask } from '../serve/server.js';
import { linkDependencies } from './install.js';

const repository = fileURLToPath(new URL('../..', import.meta.url));
const { exports } = JSON.parse(readFileSync(join(repository, 'package.json'), 'utf8')) as {
  exports: Record<string, string>;
};
const entryPoints = Object.keys(exports)
  .filter((entry) => entry !== './package.json' && entry !== './worker')
  .map((entry) => `millrace${entry.slice(1)}`);

let root: string;
let entryCount: number;
beforeAll(async () => {
  root = realpathSync(mkdtempSync(join(tmpdir(), 'millrace-packed-')));
  const pack = ['pack', './package', '--json', '--pack-destination', root];
  const [packed] = JSON.parse(execFileSync('npm', pack, { cwd: repository, encoding: 'utf8' }));
  ({ entryCount } = packed);
  const cwd = join(root, 'node_modules/millrace');
  mkdirSync(cwd, { recursive: true });
  await x({ file: join(root, packed.filename), cwd, strip: 1 });
  linkDependencies(root);
  writeFileSync(join(root, 'package.json'), '{ "type": "module" }');
  const rows = Array.from({ length: 20 }, (_, i) => `${JSON.stringify({ text: 'word '.repeat(i + 1) })}\n`);
  writeFileSync(join(root, 'rows.jsonl'), rows.join(''));
  writeFileSync(
    join(root, 'millrace.config.js'),
    `import { defineConfig } from 'millrace/config';
     export default defineConfig({ data: 'rows.jsonl', loader: { batchSize: 4, shuffle: true }, training: { epochs: 1 } });`,
  );
});
afterAll(() => rmSync(root, { recursive: true, force: true }));

interface Printed {
  readonly status: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs Node.js in the project. */
function run(args: readonly string[], env: Record<string, string> = {}): Promise<Printed> {
  return new Promise((resolve) => {
    const options = { cwd: root, env: { ...process.env, ...env } };
    execFile(process.execPath, ['--no-warnings', ...args], options, (error, stdout, stderr) =>
      resolve({ status: error ? Number(error.code) : 0, stdout, stderr }),
    );
  });
}

const main = 'node_modules/millrace/dist/cli/main.js';
const millrace = (...args: string[]) => run([main, ...args]);

/** Runs a program and returns what it prints as JSON. */
async function evaluate(code: string): Promise<unknown> {
  const { stdout, stderr } = await run(['--input-type=module', '--eval', code]);
  expect(stderr).toBe('');
  return JSON.parse(stdout);
}

/** The names that each entry point exports, and what each is called. */
const names = `
  const names = {};
  for (const entry of ${JSON.stringify(entryPoints)}) {
    names[entry] = {};
    for (const [name, value] of Object.entries(await import(entry))) names[entry][name] = value?.name ?? typeof value;
  }
  console.log(JSON.stringify(names));
`;

describe('the package', () => {
  it('has at most a third of the files that it had as single modules', () => {
    expect(entryCount).toBeLessThanOrEqual(1_069);
  });

  it('exports the names of the build, and its classes and functions are called the same', async () => {
    const inBuild = execFileSync(
      process.execPath,
      ['--no-warnings', '--input-type=module', '--eval', names],
      {
        cwd: repository,
        encoding: 'utf8',
      },
    );
    expect(await evaluate(names)).toEqual(JSON.parse(inBuild));
  });

  it('has each class once, whichever entry point gives it', async () => {
    expect(
      await evaluate(`
        import { ArrayDataset, DataLoader, MillraceError } from 'millrace';
        import { openDataset } from 'millrace/formats';
        import { ConfigError, FormatError } from 'millrace/errors';
        import { openConfig } from 'millrace/config';
        const thrown = await openDataset('nothing.jsonl').catch((error) => error);
        const wrong = (() => { try { new DataLoader(new ArrayDataset([1]), { batchsize: 1 }); } catch (error) { return error; } })();
        const { loader } = await openConfig('millrace.config.js');
        console.log(JSON.stringify([
          thrown instanceof MillraceError,
          wrong instanceof ConfigError && wrong instanceof MillraceError,
          FormatError.prototype instanceof MillraceError,
          loader instanceof DataLoader,
        ]));
      `),
    ).toEqual([true, true, true, true]);
  });

  it('loads at most 60 files for the main entry point, and 40 for the help of the command', async () => {
    const filesOf = async (args: string[]) => {
      const NODE_V8_COVERAGE = mkdtempSync(join(root, 'coverage-'));
      await run(args, { NODE_V8_COVERAGE });
      const [report] = readdirSync(NODE_V8_COVERAGE);
      const { result } = JSON.parse(readFileSync(join(NODE_V8_COVERAGE, report!), 'utf8')) as {
        result: { url: string }[];
      };
      return result.filter(({ url }) => url.startsWith('file:')).length;
    };
    const imported = await filesOf(['--input-type=module', '--eval', "import 'millrace'"]);
    const help = await filesOf([main, '--help']);
    for (const count of [imported, help]) expect(count).toBeGreaterThan(1);
    expect(imported).toBeLessThanOrEqual(60);
    expect(help).toBeLessThanOrEqual(40);
  });

  it('has no code that starts workers in the program of workers of pages: Next.js would bundle it forever', async () => {
    const { metafile } = await build({
      entryPoints: ['millrace/worker'],
      absWorkingDir: root,
      outdir: 'worker',
      bundle: true,
      splitting: true,
      format: 'esm',
      write: false,
      metafile: true,
    });
    const files = Object.keys(metafile.inputs).map((file) => file.split('/').at(-1));
    expect(files).toContain('millrace-worker.js');
    expect(files).not.toContain('web-thread.js');
  });

  it('runs the first example of the README, with two workers', async () => {
    const readme = readFileSync(join(root, 'node_modules/millrace/README.md'), 'utf8');
    const [, code, printed] = /```js\n([\s\S]*?)```\s+```\n([\s\S]*?)```/.exec(readme)!;
    expect(code).toContain('numWorkers: 2');
    writeFileSync(join(root, 'example.js'), code!);
    expect(await run(['example.js'])).toEqual({ status: 0, stdout: printed, stderr: '' });
  });

  it('has source maps: a stack names the line of the source', async () => {
    const code = "import { tensor } from 'millrace'; tensor(new Float32Array(3), [2]);";
    const { stderr } = await run(['--enable-source-maps', '--input-type=module', '--eval', code]);
    const [, file, line] = /[\\/]millrace[\\/](src[\\/]core[\\/]\S+?\.ts):(\d+):\d+/.exec(stderr) ?? [];
    const source = readFileSync(join(repository, file!), 'utf8').split('\n');
    expect(source[Number(line) - 1]).toContain('throw new ShapeError(');
  });

  it('serves the live page', async () => {
    const [status, title] = (await evaluate(`
      import { ArrayDataset, DataLoader } from 'millrace';
      const loader = new DataLoader(new ArrayDataset([1, 2, 3, 4]), { batchSize: 2, dashboard: { port: 0 } });
      const print = console.error;
      const url = await new Promise((resolve) => {
        process.stderr.write = (text) => { const [found] = String(text).match(/http:\\S+/) ?? []; if (found) resolve(found); return true; };
        (async () => { for await (const batch of loader); })();
      });
      const response = await fetch(url);
      const html = await response.text();
      console.log(JSON.stringify([response.status, /<title>(.*?)<\\/title>/.exec(html)?.[1], html.length]));
      await loader.close();
      process.exit();
    `)) as [number, string];
    expect(status).toBe(200);
    expect(title).toContain('Millrace');
  });
});

describe('the command of the package', () => {
  it('shows its help, its version and the words that complete a line', async () => {
    expect(await millrace('--help')).toMatchObject({ status: 0, stdout: expect.stringContaining('convert') });
    expect((await millrace('--version')).stdout).toMatch(/^\d+\.\d+\.\d+\n$/);
    expect((await millrace('completion', 'bash')).stdout).toContain('analyze');
  });

  it('plans, converts and analyzes, with two threads', async () => {
    expect(await millrace('plan')).toMatchObject({ status: 0, stderr: expect.not.stringMatching(/error/i) });
    const convert = ['convert', 'rows.jsonl', '--to', 'parquet', '--output', 'table', '--shard-samples', '5'];
    expect(await millrace(...convert, '--workers', '2')).toMatchObject({ status: 0 });
    expect(readdirSync(join(root, 'table'))).toContain('000003.parquet');
    const analyze = ['--metrics', 'compressionratio', '--output', 'difficulty', '--workers', '2'];
    expect(await millrace('analyze', 'rows.jsonl', ...analyze)).toMatchObject({
      status: 0,
    });
    expect(readdirSync(join(root, 'difficulty')).length).toBeGreaterThan(0);
  });

  it('serves batches', async () => {
    const serve = ['serve', 'millrace.config.js', '--listen', '127.0.0.1:0'];
    const child = spawn(process.execPath, [main, ...serve], { cwd: root });
    const ended = once(child, 'close');
    const [printed] = (await once(child.stdout, 'data')) as [Buffer];
    const [, address] = / at (\S+)\n/.exec(String(printed)) ?? [];
    const loaders = JSON.parse((await ask(address!, '/v1/loaders')).body.toString());
    const batch = await ask(address!, '/v1/loaders/train/0/0/0');
    child.kill();
    await ended;
    expect(loaders).toMatchObject({ loaders: ['train'] });
    expect(batch.status).toBe(200);
    expect(batch.body.length).toBeGreaterThan(0);
  });

  it('says where its Python client is', async () => {
    const [, folder] = /"(.*)"/.exec((await millrace('python')).stdout) ?? [];
    expect(readdirSync(join(folder!, 'millrace'))).toContain('loader.py');
  });
});
