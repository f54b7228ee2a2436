import { ConfigError } from '../../core/errors.js';
import type { ThreadShare } from './workers/thread-share.js';

/** The threads of loaders that share them: made when the first of these starts workers. */
export interface SharedThreads {
  share: ThreadShare | undefined;
}

const threadsOfLoaders = new WeakMap<object, SharedThreads>();

/** The threads of another loader, or threads of its own. @throws {@link ConfigError} if `workersOf` is not a `DataLoader` */
export function threadsOf(workersOf: object | undefined): SharedThreads {
  if (workersOf === undefined) return { share: undefined };
  const known = threadsOfLoaders.get(workersOf);
  if (known) return known;
  throw new ConfigError('DataLoader options', [{ field: 'workersOf', message: 'must be a DataLoader' }]);
}

/** Lets other loaders share the threads of `loader`. */
export function publishThreads(loader: object, threads: SharedThreads): void {
  threadsOfLoaders.set(loader, threads);
}
