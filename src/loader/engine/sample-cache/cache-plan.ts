import { CapabilityError, ConfigError } from '../../../core/errors.js';
import { hasMethod } from '../../../core/property-of.js';
import { isMovable, recipeOf } from '../../../core/recipe.js';
import { sharedBuffer } from '../../../core/shared-buffer.js';
import type { LoadedSource } from '../../order/loader-order.js';
import type { ResolvedOptions } from '../../resolve-options.js';
import { identityOfCode } from './code-identity.js';
import type { CachePlan } from './open-cache.js';

const defaultBytes = 32 * 2 ** 30;

/**
 * Plans the cache of samples of a loader.
 *
 * @throws {@link ConfigError} if the code cannot be identified for a cache on disk; {@link CapabilityError} outside Node.js.
 */
export function cachePlan(
  dataset: LoadedSource,
  transform: ResolvedOptions['transform'],
  options: NonNullable<ResolvedOptions['cacheSamples']>,
): CachePlan {
  if (typeof process === 'undefined' || !process.getBuiltinModule) {
    throw new CapabilityError('cacheSamples needs Node.js', {
      where: { option: 'cacheSamples' },
      next: 'Leave it out in pages.',
    });
  }
  if ('memory' in options)
    return { type: 'memory', memory: sharedBuffer(options.memory) as SharedArrayBuffer };
  const { disk: folder, maxBytes = defaultBytes } = options;
  const described = {
    dataset: descriptionOf(dataset, 'dataset'),
    transform: transform && descriptionOf(transform, 'transform'),
  };
  return { type: 'disk', folder, maxBytes, code: identityOfCode(described) };
}

/** A recipe, or the fingerprint of a value. */
function descriptionOf(value: object, role: string): unknown {
  if (isMovable(value)) {
    try {
      return recipeOf(value, role);
    } catch (cause) {
      throw unknownCode(role, cause);
    }
  }
  if (hasMethod(value, 'fingerprint')) return { fingerprint: value.fingerprint() };
  throw unknownCode(role);
}

function unknownCode(role: string, cause?: unknown): ConfigError {
  const wrapper = role === 'dataset' ? 'workerDataset' : 'workerFunction';
  const message =
    `on disk has to know the code of the ${role}, which a function in memory does not show: name it by module with ${wrapper} ` +
    `(new URL('./${role}.js', import.meta.url)), give it a fingerprint() that changes with what it does, or use { memory }`;
  return new ConfigError('DataLoader options', [{ field: 'cacheSamples', message }], { cause });
}
