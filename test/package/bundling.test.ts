// Applications as bundlers make them, where only the package and its dependencies are installed: no optional peer.
import { execFile } from 'node:child_process';
import { mkdtempSync, realpathSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as esbuild from 'esbuild';
import * as vite from 'vite';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import webpack from 'webpack';
import { install } from './install.js';

/** Reads a format, converts and analyzes as well, so that the bundle has everything that starts a thread or asks for a peer. */
const application = `
import { ArrayDataset, DataLoader, TensorDataset, tensor } from 'millrace';
import { analyzeDifficulty } from 'millrace/analysis';
import { convert } from 'millrace/convert';

async function main() {
  for (const argument of process.argv.slice(2)) await run(argument === 'auto' ? 'auto' : Number(argument));
}

async function run(numWorkers) {
  const print = (error) => console.log(error.code + ': ' + error.message);
  const dataset = new TensorDataset({ x: tensor(new Float32Array(12), [6, 2]) });
  const loader = new DataLoader(dataset, { batchSize: 4, numWorkers });
  try {
    for await (const { x } of loader) console.log(x.shape.join(', '));
  } catch (error) {
    print(error);
  }
  await loader.close();
  if (numWorkers === 2) {
    const tokens = new ArrayDataset([[1], [2, 3], [4]].map((ids) => tensor(Int32Array.from(ids), [ids.length])));
    await analyzeDifficulty(tokens, { outputDir: 'difficulty', metrics: ['seqlen'], numWorkers }).catch(print);
    const options = { to: 'parquet', shardSamples: 1 };
    await convert('rows.jsonl', { output: 'rows', numWorkers, ...options }).catch(print);
  } else await convert('rows.jsonl', { output: 'tokens', tokenizer: 'o200k_base', field: 'text', numWorkers: 0 }).catch(print);
}
main();
`;

/** How a bundler is used for an application of Node.js: what it writes, and what it complains about. */
interface Bundler {
  readonly name: string;
  readonly file: string;
  bundle(root: string, external: boolean): Promise<readonly string[]>;
}

const requireOfNode =
  "import { createRequire } from 'node:module'; const require = createRequire(import.meta.url);";

const withEsbuild = (format: 'esm' | 'cjs', file: string): Bundler => ({
  name: `esbuild (${format})`,
  file,
  async bundle(root, external) {
    const { warnings } = await esbuild.build({
      entryPoints: [join(root, 'app.js')],
      outfile: join(root, file),
      bundle: true,
      platform: 'node',
      format,
      // Some packages are CommonJS and require modules of Node.js, which esbuild leaves to a `require` that ES modules lack.
      banner: format === 'esm' ? { js: requireOfNode } : {},
      external: external ? ['millrace'] : [],
      logLevel: 'silent',
    });
    // In CommonJS there is no import.meta, which the program finds out.
    return warnings.filter(({ id }) => id !== 'empty-import-meta').map(({ text }) => text);
  },
});

const bundlers: readonly Bundler[] = [
  withEsbuild('esm', 'esbuild/app.mjs'),
  withEsbuild('cjs', 'esbuild/app.cjs'),
  {
    name: 'Vite, for a server',
    file: 'vite/app.js',
    async bundle(root, external) {
      const warnings: string[] = [];
      const logger = vite.createLogger('silent');
      await vite.build({
        root,
        configFile: false,
        customLogger: { ...logger, warn: (text) => warnings.push(text) },
        ssr: external ? { external: ['millrace'] } : { noExternal: true },
        logLevel: 'silent',
        build: { ssr: 'app.js', outDir: 'vite', chunkSizeWarningLimit: 10_000 },
      });
      return warnings;
    },
  },
  {
    name: 'webpack',
    file: 'webpack/app.mjs',
    bundle: (root, external) =>
      new Promise((resolve, reject) => {
        webpack(
          {
            context: root,
            entry: './app.js',
            mode: 'production',
            target: 'node20',
            experiments: { outputModule: true },
            externalsType: 'module',
            externals: external ? [/^millrace(\/|$)/] : [],
            optimization: { minimize: false },
            output: { path: join(root, 'webpack'), filename: 'app.mjs', module: true },
          },
          (error, stats) => {
            if (error) reject(error);
            else {
              const { errors = [], warnings = [] } = stats!.toJson({
                all: false,
                errors: true,
                warnings: true,
              });
              resolve([...errors, ...warnings].map(({ message }) => message));
            }
          },
        );
      }),
  },
];

let root: string;
beforeAll(() => {
  root = realpathSync(mkdtempSync(join(tmpdir(), 'millrace-bundling-')));
  install(root);
  writeFileSync(join(root, 'package.json'), '{ "type": "module" }');
  writeFileSync(join(root, 'app.js'), application);
  writeFileSync(join(root, 'rows.jsonl'), '{"text":"a"}\n{"text":"b"}\n');
});
afterAll(() => rmSync(root, { recursive: true, force: true }));

/** What the application prints, with each number of workers in turn. */
function run(file: string, ...numWorkers: (number | 'auto')[]): Promise<string> {
  for (const output of ['difficulty', 'rows']) rmSync(join(root, output), { recursive: true, force: true });
  return new Promise((resolve) => {
    execFile(
      process.execPath,
      ['--no-warnings', join(root, file), ...numWorkers.map(String)],
      { cwd: root },
      (_error, stdout, stderr) => resolve(stdout + stderr),
    );
  });
}

const batches = '4, 2\n2, 2\n';
const missingPeer =
  'ERR_MILLRACE_MISSING_PEER: The tokenizer o200k_base needs the package gpt-tokenizer, which is not installed ' +
  '(package gpt-tokenizer). Run: npm install gpt-tokenizer\n';
const bundled = /^ERR_MILLRACE_WORKER_TRANSFER: .*was bundled.*Mark millrace as external/;

describe.each(bundlers)('a Node.js application bundled by $name', ({ file, bundle }) => {
  let warnings: readonly string[];
  beforeAll(async () => {
    warnings = await bundle(root, false);
  });

  it('with millrace in the bundle builds without optional peers and runs without threads', async () => {
    expect(warnings).toEqual([]);
    expect(await run(file, 0, 'auto')).toBe((batches + missingPeer).repeat(2));
  });

  it('with millrace in the bundle names the remedy when it requests threads', async () => {
    // As in an image that has the bundle and no packages.
    renameSync(join(root, 'node_modules'), join(root, 'packages'));
    const printed = await run(file, 2).finally(() =>
      renameSync(join(root, 'packages'), join(root, 'node_modules')),
    );
    const lines = printed.trimEnd().split('\n');
    expect(lines).toHaveLength(3);
    for (const line of lines) expect(line).toMatch(bundled);
  });

  it('with millrace outside the bundle has threads', async () => {
    expect(await bundle(root, true)).toEqual([]);
    expect(await run(file, 2)).toBe(batches);
  });
});
