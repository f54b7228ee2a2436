import { openObjectStore } from '../../storage/open-object-store.js';
import type { OnPartProgress } from '../progress-count.js';
import type { AllowedModules } from './allowed-modules.js';
import type { StartThread, WorkKind, WorkRequest, WorkThread } from './work-kind.js';
import { readSpecification } from './work-payload.js';
import type { JobData, WorkSpecification } from './work-specification.js';

/** Long work opened on this machine, with threads that do its jobs. */
export class OpenedWork {
  readonly specification: WorkSpecification;
  readonly #startThread: StartThread;
  readonly #idle: WorkThread[] = [];
  #threads = 0;

  private constructor(specification: WorkSpecification, startThread: StartThread) {
    this.specification = specification;
    this.#startThread = startThread;
  }

  /**
   * @returns `undefined` if the work is complete.
   * @throws what {@link readSpecification} and {@link WorkKind.open} throw.
   */
  static async open(
    { store: location, id }: JobData,
    kind: WorkKind,
    allowed: AllowedModules,
  ): Promise<OpenedWork | undefined> {
    const store = await openObjectStore(location);
    if (await kind.isDone(store, id)) return undefined;
    const specification = await readSpecification(store, id);
    return new OpenedWork(specification, await kind.open(specification, location, allowed));
  }

  /** Does a job in an idle thread. */
  async run(request: WorkRequest, onProgress: OnPartProgress): Promise<void> {
    const thread = this.#idle.pop() ?? this.#startThread(this.#threads++);
    try {
      await thread.run(request, onProgress);
    } finally {
      if (thread.hasFailed) await thread.close();
      else this.#idle.push(thread);
    }
  }

  async close(): Promise<void> {
    await Promise.all(this.#idle.splice(0).map((thread) => thread.close()));
  }
}
