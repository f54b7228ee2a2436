import type { OpenedConfig } from '../../config/index.js';
import { ConfigError } from '../../core/errors.js';
import { MixtureDataset } from '../../datasets/index.js';
import { PackedDataset } from '../../tokens/packed-dataset.js';

/**
 * Parses a sample: an index; `books:7` for sample 7 of a mixture's source; `document:7` for packed rows.
 *
 * @returns The argument of `DataLoader.whenSeen`. @throws {@link ConfigError} if the sample does not exist.
 */
export function sampleNamed(text: string, { dataset, sourceNames }: OpenedConfig): number | object {
  const [, part, digits] = /^(?:(.+):)?(\d+)$/.exec(text) ?? [];
  const index = Number(digits);
  if (digits === undefined) throw problem(`must be an index, not ${text}`);
  if (part === undefined) {
    if (index < (dataset.length ?? 0)) return index;
    throw problem(`is ${index}; must be below ${dataset.length}, the number of samples`);
  }
  if (dataset instanceof PackedDataset && part === 'document') return { document: index };
  if (!(dataset instanceof MixtureDataset))
    throw problem(`names the source ${part}, and the dataset has no sources`);
  const source = sourceNames.includes(part) ? sourceNames.indexOf(part) : Number(part);
  if (source in dataset.datasets) return { source, index };
  const names = sourceNames.length > 0 ? sourceNames : [...dataset.datasets.keys()];
  throw problem(`names the source ${part}; the sources are ${names.join(', ')}`);
}

function problem(message: string): ConfigError {
  return new ConfigError('millrace plan', [{ field: '--sample', message }]);
}
