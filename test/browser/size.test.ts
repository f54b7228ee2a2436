// The size of the loader and a dataset of the package, bundled and minified by esbuild without a plugin.
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import { build } from 'esbuild';
import { expect, it } from 'vitest';

const limit = 50_000;

it(`the core is below ${limit / 1000} kB, bundled, minified and gzipped`, async () => {
  const { outputFiles, metafile } = await build({
    stdin: {
      contents: `export { DataLoader, TensorDataset } from 'millrace';`,
      resolveDir: fileURLToPath(new URL('../../package', import.meta.url)),
      sourcefile: 'page.js',
    },
    bundle: true,
    minify: true,
    splitting: true,
    format: 'esm',
    outdir: 'bundle',
    write: false,
    metafile: true,
    logLevel: 'error',
  });
  const outputs = Object.entries(metafile.outputs);
  const loaded = new Set<string>();
  const load = (path: string): void => {
    if (loaded.has(path)) return;
    loaded.add(path);
    for (const { kind, path: imported } of metafile.outputs[path]!.imports)
      if (kind === 'import-statement') load(imported);
  };
  load(outputs.find(([, { entryPoint }]) => entryPoint?.endsWith('page.js'))![0]);
  const bytes = (path: string) =>
    gzipSync(outputFiles.find((file) => file.path.endsWith(path))!.contents, { level: 9 }).length;
  const total = [...loaded].reduce((sum, path) => sum + bytes(path), 0);
  console.log(
    `The core of millrace in a page: ${(total / 1000).toFixed(1)} kB gzipped, limit ${limit / 1000} kB.`,
  );
  expect(total).toBeLessThan(limit);
});
