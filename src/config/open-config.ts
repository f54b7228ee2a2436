import { existsSync, readFileSync, statSync } from 'node:fs';
import { basename, dirname, resolve } from 'node:path';
import { ConfigError, StorageError } from '../core/errors.js';
import { WorkerModule } from '../datasets/worker-module.js';
import { parseConfigText } from '../deepspeed/config-text.js';
import { DeepSpeedDataLoader } from '../deepspeed/index.js';
import { detectRank } from '../distributed/index.js';
import { DataLoader } from '../loader/index.js';
import type { Launch } from './config.js';
import { importDefault } from './import-default.js';
import { openDeclared } from './open-declared.js';
import { openDeepSpeed } from './open-deepspeed.js';
import { type AnyLoader, type OpenConfigOptions, type OpenedConfig, partsOf } from './opened-config.js';
import { sequenceLengthsOf } from './sequence-lengths.js';

/**
 * Opens a configuration file. It is a module (`.ts`, `.js`, `.mjs`) whose default export (or the one that `export` names) is
 * a declared configuration, a loader, or a function of `{ rank, worldSize }` that returns either; or JSON: a declared or a DeepSpeed
 * configuration.
 *
 * ```ts
 * const { loader } = await openConfig('millrace.config.ts');
 * for await (const batch of loader) train(batch);
 * ```
 *
 * @throws {@link StorageError} if the file does not exist, {@link FormatError} if the module cannot be loaded, {@link
 *   ConfigError} naming every invalid field; and whatever opening the data throws.
 */
export async function openConfig(path: string, options: OpenConfigOptions = {}): Promise<OpenedConfig> {
  if (!existsSync(path)) {
    throw new StorageError('There is no such file', {
      where: { file: path },
      next: 'Pass a configuration: millrace.config.ts, a module that exports a loader, or DeepSpeed JSON. `millrace init` writes one.',
    });
  }
  if (statSync(path).isDirectory()) {
    throw new StorageError('This is a folder, not a configuration', {
      where: { folder: path },
      next: 'Pass a file inside it: millrace.config.ts, a module that exports a loader, or DeepSpeed JSON.',
    });
  }
  const detected = detectRank();
  const launch = { rank: options.rank ?? detected.rank, worldSize: options.worldSize ?? detected.worldSize };
  if (!/\.[cm]?[jt]s$/.test(path)) return openText(path, launch, options);
  const { value, variesByRank } = await importDefault(path, launch, options.export);
  if (value instanceof DataLoader || value instanceof DeepSpeedDataLoader)
    return openLoader(value as AnyLoader, launch, variesByRank);
  if (typeof value !== 'object' || value === null || !('data' in value)) {
    throw new ConfigError('Millrace configuration', [
      {
        field: path,
        message: `must export a configuration (defineConfig({ data, … })) or a loader ${options.export ? `as ${options.export}` : 'by default'}`,
      },
    ]);
  }
  return openDeclared(value, { folder: dirname(resolve(path)), launch, variesByRank });
}

async function openText(path: string, launch: Launch, options: OpenConfigOptions): Promise<OpenedConfig> {
  const json = parseText(path, readFileSync(path, 'utf8'));
  const isDeclared = 'data' in json || basename(path) === 'millrace.config.json';
  return isDeclared
    ? openDeclared(json, { folder: dirname(resolve(path)), launch })
    : openDeepSpeed(json, launch, options);
}

/** Parses JSON; comments and trailing commas are allowed. */
function parseText(path: string, text: string): object {
  try {
    return parseConfigText(text) as object;
  } catch (error) {
    throw error instanceof ConfigError ? new ConfigError(path, error.problems) : error;
  }
}

async function openLoader(loader: AnyLoader, launch: Launch, variesByRank: boolean): Promise<OpenedConfig> {
  const source = loader.dataset;
  if (loader instanceof DataLoader) await loader.ready();
  const dataset = source instanceof WorkerModule ? await source.load() : source;
  return {
    ...partsOf(loader, launch, variesByRank),
    kind: 'loader',
    dataset,
    training: {},
    lengths: sequenceLengthsOf(dataset),
    sourceNames: [],
    files: [],
    cacheBytes: 0,
    description: [],
    close: () => loader.close(),
  };
}
