import { existsSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join, relative, resolve } from 'node:path';
import { Command } from 'commander';
import { ConfigError } from '../../core/errors.js';
import { propertyOf } from '../../core/property-of.js';
import { IndexedDataset } from '../../formats/index.js';
import { formatBytes } from '../../web/kit/numbers.js';
import { configNames } from '../config/find-config.js';
import { type FoundData, findFiles } from '../init/find-data.js';
import { configText } from '../init/write-config.js';
import { inspectDataset } from '../inspect/inspect-dataset.js';

/** `millrace init`: writes a configuration for the data in a folder. */
export function initCommand(): Command {
  return new Command('init')
    .summary('write a commented millrace.config.ts from the data in a folder')
    .description(
      'Searches a folder and its subfolders for data, and writes a commented millrace.config.ts for the largest data set. Never\n' +
        'overwrites a configuration.',
    )
    .argument('[folder]', 'folder of the data, in which to write the configuration', '.')
    .option('--json', 'print the result as JSON')
    .addHelpText('after', ['', 'Examples:', '  millrace init', '  millrace init data --json'].join('\n'))
    .action(init);
}

async function init(folder: string, { json = false }: { readonly json?: boolean }): Promise<void> {
  refuseExisting(folder);
  const { data, deepspeed } = findFiles(folder);
  const [main, ...others] = data;
  if (!main || main.format === 'text') throw nothingFound(folder, main);
  const path = join(folder, 'millrace.config.ts');
  const name = join(folder, main.name);
  const inspection =
    main.format === 'images' ? undefined : await inspectDataset(name, { format: main.format, count: 1 });
  const tokens = main.format === 'indexed' ? await tokensOf(name) : undefined;
  const text = configText({ data: main, inspection, tokens, others: others.map((other) => other.name) });
  // The flag 'wx' also protects a file created since the check.
  writeFileSync(path, text, { flag: 'wx' });
  if (json) process.stdout.write(`${JSON.stringify({ path, data, deepspeed })}\n`);
  else process.stdout.write(`${summary(path, data, deepspeed)}\n`);
}

function refuseExisting(folder: string): void {
  const existing = configNames.find((name) => existsSync(join(folder, name)));
  if (existing === undefined) return;
  throw new ConfigError('millrace init', [{ field: join(folder, existing), message: 'already exists' }], {
    next: 'Nothing was written. Move the file, or continue with: millrace plan',
  });
}

function nothingFound(folder: string, text: FoundData | undefined): ConfigError {
  if (text) {
    return new ConfigError(
      'millrace init',
      [{ field: folder, message: `contains only plain text (${text.name})` }],
      {
        next: `Tokenize it first: millrace convert ${join(folder, text.name)} --output tokens`,
      },
    );
  }
  return new ConfigError('millrace init', [{ field: folder, message: 'contains no data' }], {
    next: 'Pass the folder of the data: JSON Lines, CSV, Parquet, Arrow, WebDataset, MDS, .bin/.idx, npy, npz, safetensors, or images by class.',
  });
}

async function tokensOf(prefix: string): Promise<number> {
  const dataset = await IndexedDataset.open(prefix);
  dataset.close();
  return dataset.tokenCount;
}

function summary(path: string, data: readonly FoundData[], deepspeed: readonly string[]): string {
  const shown = relative(process.cwd(), path) || path;
  const lines = data.map(
    ({ name, format, byteLength }, k) =>
      `${k === 0 ? 'Found' : 'Also '} ${name} (${format}, ${formatBytes(byteLength)})`,
  );
  return [
    ...lines,
    ...deepspeed.map(
      (name) => `Also  ${name}, a DeepSpeed configuration: millrace plan ${name} --data ${data[0]!.name}`,
    ),
    '',
    `Wrote ${shown}. Next:`,
    ...(needsTsx(path)
      ? ['  npm install --save-dev tsx     this version of Node.js needs it to read TypeScript']
      : []),
    `  millrace plan ${shown}`,
    `  millrace doctor ${shown}`,
  ].join('\n');
}

/** Whether Node.js cannot run TypeScript and tsx is not installed. */
function needsTsx(path: string): boolean {
  if (propertyOf(process.features, 'typescript')) return false;
  try {
    createRequire(resolve(path)).resolve('tsx');
    return false;
  } catch {
    return true;
  }
}
