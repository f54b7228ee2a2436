// Snippets of the guides, run as their reader would: in a folder of his own, with the package installed.
import { execFile } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { IndexedDatasetBuilder } from 'millrace/formats';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

const root = fileURLToPath(new URL('../../', import.meta.url));

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'millrace-guides-'));
  mkdirSync(join(folder, 'node_modules', '@jax-js'), { recursive: true });
  symlinkSync(root, join(folder, 'node_modules', 'millrace'));
  for (const name of ['tsx', '@jax-js/jax'])
    symlinkSync(join(root, 'node_modules', name), join(folder, 'node_modules', name));
  writeFileSync(join(folder, 'package.json'), '{ "type": "module" }');
});
afterEach(() => rmSync(folder, { recursive: true }));

function snippets(page: string): string[] {
  const text = readFileSync(join(root, 'docs', `${page}.md`), 'utf8');
  return [...text.matchAll(/```ts\n([\s\S]*?)```/g)].map(([, code]) => code!);
}

/** Runs a snippet as a module of the folder, and gives what it printed. */
async function run(code: string): Promise<string> {
  writeFileSync(join(folder, 'snippet.ts'), code);
  const { stdout } = await promisify(execFile)(process.execPath, ['--import', 'tsx', 'snippet.ts'], {
    cwd: folder,
  });
  return stdout;
}

describe('the guides', () => {
  it('resume: saves a state, goes on from it, and writes a receipt', async () => {
    const [resume, receipt] = snippets('guides/resume');
    expect((await run(resume!)).match(/\[ 100 \]/g)).toHaveLength(100);
    expect(JSON.parse(readFileSync(join(folder, 'loader.json'), 'utf8'))).toMatchObject({ seed: 7 });
    await run(receipt!);
    expect(JSON.parse(readFileSync(join(folder, 'receipt.json'), 'utf8'))).toMatchObject({ steps: 10 });
  });

  it('many machines: a loader of a rank, and a state of other ranks', async () => {
    const [first, elastic] = snippets('guides/many-machines');
    expect(await run(`${first}\nconsole.log(loader.length);`)).toBe('32\n');
    const state = `import { DataLoader, RandomSampler, TensorDataset, tensor } from 'millrace';
      const dataset = new TensorDataset({ x: tensor(new Float32Array(4_096)) });
      console.log(JSON.stringify(new DataLoader(dataset, { batchSize: 256, sampler: new RandomSampler(dataset) }).stateDict()));`;
    writeFileSync(join(folder, 'loader.json'), await run(state));
    await run(elastic!);
  });

  it('jax-js: batches as its arrays', async () => {
    expect((await run(snippets('guides/train-with-jax')[0]!)).match(/\[ 100, 4 \] \[ 100 \]/g)).toHaveLength(
      10,
    );
  });

  it('own dataset: loads it in workers, which name it by its module', async () => {
    const [waves, train] = snippets('guides/own-dataset');
    writeFileSync(join(folder, 'waves.ts'), waves!.replace('10_000', '200'));
    const output = await run(train!.replace('./waves.js', './waves.ts'));
    expect(output.match(/wave: \{/g)).toHaveLength(4);
  });

  it('plan: the configuration and the loop that trains from it', async () => {
    const [config, train] = snippets('plan');
    mkdirSync(join(folder, 'data'));
    const builder = new IndexedDatasetBuilder(join(folder, 'data', 'tokens'), { dtype: 'int32' });
    builder.addItem(Array.from({ length: 5_000 }, (_, token) => token));
    builder.endDocument();
    builder.finalize();
    writeFileSync(join(folder, 'millrace.config.ts'), config!);
    expect(await run(train!)).toMatch(/shape: \[ 4, 1024 \]/);
  });
});
