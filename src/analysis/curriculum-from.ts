import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { ConfigError, StateMismatchError } from '../core/errors.js';
import type { JsonObject } from '../core/json.js';
import type { Sampler } from '../core/sampler.js';
import { DifficultyFile } from './difficulty-file.js';
import { writeDifficulty } from './write-difficulty.js';

/** A loader that can be amended. */
interface Amendable {
  readonly globalStep: number;
  amend(amendment: { readonly at: number; readonly sampler: Sampler }): Promise<void>;
  stateDict(): { readonly dataset: string; readonly amendments?: JsonObject | undefined };
}

/** What a run was amended with: its state or its receipt. */
interface Recorded {
  readonly amendments?: JsonObject | undefined;
}

/**
 * A curriculum by what the trainer measures, such as the loss of the model on every sample: measured again between epochs, each time it decides
 * the order of the epochs from there on. For a curriculum that is measured again every n steps, pass `stepsPerEpoch: n` to its
 * `CurriculumSampler`.
 *
 * ```ts
 * const feedback = curriculumFrom(loader, {
 *   folder: 'run/difficulty',
 *   sampler: (index) => new CurriculumSampler(dataset, { batchSize, stepsPerEpoch: 1000, metrics: { loss: { index, … } } }),
 * });
 * for await (const batch of loader) train(batch);
 * await feedback.update(await lossOfEverySample());
 * ```
 *
 * Each update is an amendment of the loader, so the run can be repeated, planned and verified without the trainer: the measured values are in the
 * file `step-<global step>.difficulty` of the folder, and states and receipts record the global step and the fingerprint of the sampler,
 * which covers the values. Call it on every rank, with the same values: gather them before.
 *
 * @param options - `folder`: where the files are, on every rank. `sampler`: makes the order from the difficulty of every sample; its
 *   fingerprint must cover the index, as that of `CurriculumSampler` does.
 * @returns `update`, and `restore`, which makes the updates of a run again from its files
 */
export function curriculumFrom(
  loader: Amendable,
  {
    folder,
    sampler: samplerOf,
  }: { readonly folder: string; readonly sampler: (index: DifficultyFile) => Sampler },
) {
  const fileAt = (step: number): string => join(folder, `step-${step}.difficulty`);
  const follow = async (at: number): Promise<void> => {
    const index = DifficultyFile.openSync(fileAt(at));
    index.verify();
    await loader.amend({ at, sampler: samplerOf(index) });
  };
  return {
    /**
     * Makes the order of the epochs from the next one on. Call it between epochs.
     *
     * @param values - The difficulty of every sample: one finite number each.
     * @throws {@link ConfigError} inside an epoch, or naming a value at fault; {@link StorageError} if the file cannot be written
     * @remarks O(samples · log samples).
     */
    async update(values: ArrayLike<number>): Promise<void> {
      const measured = Float64Array.from(values);
      checkValues(measured);
      const at = loader.globalStep;
      writeDifficulty(fileAt(at), measured, { metric: 'feedback', dataset: loader.stateDict().dataset });
      try {
        await follow(at);
      } catch (error) {
        // The folder has the files of the run only.
        rmSync(fileAt(at), { force: true });
        throw error;
      }
    },
    /**
     * Makes the updates again that a state or receipt records, in a loader without amendments: before it loads the state, or to verify the receipt.
     *
     * @throws {@link StorageError} if a file is missing, {@link FormatError} if it is damaged, {@link StateMismatchError} if it is of another run
     */
    async restore(saved: Recorded): Promise<void> {
      for (const [at, identity] of updatesOf(saved)) {
        await follow(at);
        const own = updatesOf(loader.stateDict()).find(([step]) => step === at);
        if (own?.[1] !== identity) throw otherOrder(fileAt(at), at);
      }
    },
  };
}

/** The amendments of the sampler: global steps and fingerprints. */
function updatesOf({ amendments }: Recorded): readonly [step: number, identity: string][] {
  return (amendments?.sampler ?? []) as [number, string][];
}

function checkValues(values: Float64Array): void {
  const wrong = values.findIndex((value) => !Number.isFinite(value));
  const message =
    values.length === 0
      ? 'are none'
      : wrong >= 0
        ? `have ${values[wrong]} for sample ${wrong}: not a finite number`
        : '';
  if (message) throw new ConfigError('curriculumFrom', [{ field: 'values', message }]);
}

function otherOrder(file: string, step: number): StateMismatchError {
  return new StateMismatchError(
    `The difficulties of global step ${step} give another order than the run had`,
    {
      where: { field: 'amendments', step, file },
      next: 'Pass the folder of the run, and a sampler with the same options.',
    },
  );
}
