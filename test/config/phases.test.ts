// Phases of a configuration: amendments that are declared before the run.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { openConfig } from 'millrace/config';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

let folder: string;
beforeAll(() => {
  // Inside the package, so that `millrace` is this build.
  folder = mkdtempSync(fileURLToPath(new URL('phases-', import.meta.url)));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

let files = 0;
async function open(phases: string) {
  const file = join(folder, `${files++}.config.mjs`);
  writeFileSync(
    file,
    `import { ArrayDataset } from 'millrace';
    const numbers = (length) => new ArrayDataset(Array.from({ length }, (_, i) => i));
    export default {
      data: { mixture: { web: { data: numbers(90) }, code: { data: numbers(30) } } },
      phases: ${phases},
      loader: { batchSize: 4 },
    };`,
  );
  return openConfig(file);
}

describe('phases', () => {
  it('amend the loader, with weights by name', async () => {
    const { loader, close } = await open(
      '[{ at: 5, weights: { code: 1 } }, { at: 9, weights: [1, 3], batchSize: 8 }]',
    );
    expect(loader.stateDict()).toMatchObject({
      amendments: {
        weights: [
          [5, 0, 1],
          [9, 1, 3],
        ],
        batchSize: [[9, 8]],
      },
    });
    await close();
  });

  it.each([
    ['[{ at: 5, batchSize: 8 }, { at: 5, batchSize: 9 }]', 'phases.1.at: is 5, but must be above'],
    ['[{ at: 5, weights: { cod: 1 } }]', 'phases.0.weights.cod: is not a source; the sources are web, code'],
    ['[{ at: 5, weights: [1] }]', 'phases.0.weights: has 1 numbers for 2 sources'],
    ['[{ at: 5, batchsize: 8 }]', 'phases.0.batchsize: unknown option, did you mean batchSize?'],
    ['[{ batchSize: 8 }]', 'phases.0.at'],
  ])('%s is refused, naming the field', async (phases, message) => {
    await expect(open(phases)).rejects.toThrow(message);
  });
});
