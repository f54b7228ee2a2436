import { warn } from '../../core/warn.js';
import type { BatchEngine } from './batch-engine.js';

/** The current engine of a loader; it must not refer to the loader. */
export interface EngineHolder {
  engine: BatchEngine | undefined;
}

let hasWarned = false;

/** Ends the workers of loaders that were garbage-collected while they had some. */
const registry = new FinalizationRegistry<EngineHolder>((holder) => {
  const { engine } = holder;
  holder.engine = undefined;
  if (!engine) return;
  const { numWorkers } = engine;
  void engine.close();
  if (numWorkers === 0 || hasWarned) return;
  hasWarned = true;
  warn({
    code: 'MILLRACE_LOADER_NOT_CLOSED',
    message:
      `A DataLoader was dropped with ${numWorkers === 1 ? '1 worker' : `${numWorkers} workers`} that were not closed; they were ended ` +
      'when it was garbage-collected, which may take long. Create it with await using, call close(), or pass persistentWorkers: false. ' +
      'This warning appears once.',
  });
});

/** Ends the workers in `holder` once `loader` is collected. */
export function closeWhenCollected(loader: object, holder: EngineHolder): void {
  registry.register(loader, holder);
}
