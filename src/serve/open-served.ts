import { existsSync } from 'node:fs';
import { importAll } from '../config/import-default.js';
import { openConfig } from '../config/index.js';
import { ConfigError } from '../core/errors.js';
import { ownValue } from '../core/record.js';
import { DataLoader } from '../loader/index.js';
import { ServedLoader } from './served-loader.js';

/** The name of the loader that a configuration is, and of a module's default export. */
const defaultName = 'train';

/**
 * Opens the loaders of a configuration file by name. A declared configuration and the default export of a module are the loader
 * `train`. Other exports of a module that are configurations or loaders have the names of their exports; other values are
 * ignored.
 *
 * @throws what `openConfig` throws; {@link ConfigError} if there is no loader, or two are named `train`
 */
export async function openServed(path: string): Promise<ServedLoader[]> {
  const names = await exportNames(path);
  const opened: ServedLoader[] = [];
  try {
    for (const { name, exported } of names)
      opened.push(await ServedLoader.open(name, (rank) => openConfig(path, { ...rank, export: exported })));
    return opened;
  } catch (error) {
    for (const loader of opened) await loader.close();
    throw error;
  }
}

async function exportNames(path: string): Promise<{ name: string; exported: string | undefined }[]> {
  if (!existsSync(path) || !/\.[cm]?[jt]s$/.test(path)) return [{ name: defaultName, exported: undefined }];
  const exports = await importAll(path);
  const named = Object.keys(exports).filter((name) => name !== 'default' && isLoader(exports, name));
  const names = named.map((name) => ({ name, exported: name }));
  if (!Object.hasOwn(exports, 'default') && named.length > 0) return names;
  if (named.includes(defaultName)) {
    const message = `has a default export, which is served as ${defaultName}, and another export of that name`;
    throw new ConfigError('millrace serve', [{ field: path, message }]);
  }
  return [{ name: defaultName, exported: 'default' }, ...names];
}

function isLoader(exports: Readonly<Record<string, unknown>>, name: string): boolean {
  const value = ownValue(exports, name);
  if (value instanceof DataLoader) return true;
  return (
    typeof value === 'object' &&
    value !== null &&
    Object.getPrototypeOf(value) === Object.prototype &&
    'data' in value
  );
}
