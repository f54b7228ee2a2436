import type { DType } from '../../../core/dtype.js';
import type { ErrorRecord } from '../../../core/error-record.js';
import type { Recipe } from '../../../core/recipe.js';
import type { StageTimes } from '../../../core/stage-clock.js';
import type { MixOptions } from '../../../images/mix-collate.js';
import type { PackCollateOptions } from '../../../tokens/pack-collate.js';
import type { SlotPlace } from '../../batch/batch-memory.js';
import type { TaskResult } from '../../batch/batch-result.js';
import type { PadCollateOptions } from '../../batch/pad-collate.js';
import type { BatchSettings } from '../../batch/sample-steps.js';
import type { TorchRules } from '../../batch/tree-collate.js';
import type { BatchTask } from '../../order/batch-task.js';
import type { DatasetFacts } from '../../order/dataset-facts.js';
import type { WorkerInfo } from '../worker-info.js';
import type { DetachedTensor } from './detached-tensors.js';

/** Which collate a worker runs. `none` sends the samples, and the main thread collates. */
export type CollateSpec =
  | { readonly type: 'default'; readonly numberDtype: DType }
  | { readonly type: 'pad'; readonly options: Required<PadCollateOptions<DType>> }
  | { readonly type: 'mix'; readonly options: MixOptions }
  | { readonly type: 'pack'; readonly options: PackCollateOptions }
  | { readonly type: 'torch'; readonly options: TorchRules<DType>['torchOptions'] }
  | { readonly type: 'module'; readonly recipe: Recipe }
  | { readonly type: 'none' };

/** Everything a worker needs to begin. Sent once, with the thread. */
export interface WorkerSetup {
  readonly info: WorkerInfo;
  readonly dataset: Recipe;
  readonly transform: Recipe | undefined;
  readonly collate: CollateSpec;
  readonly settings: BatchSettings;
  readonly reuseBuffers: boolean;
  /** Whether the loader is observed: outcomes then hold the times of the stages. */
  readonly observed: boolean;
  /** Whether the slots of lent memory are of whole pages, which the main thread locks. */
  readonly wholePages: boolean;
  /** Whether the main thread, which does not have the dataset, needs its fingerprint. */
  readonly wantsFingerprint: boolean;
  // Where memory cannot be shared, each side has its own of the following four.
  /** One Int32: the pass under way. Tasks of an earlier pass are dropped unmade. */
  readonly currentPass: ArrayBufferLike;
  /** An Int32 a slot of lent memory, 1 while it is lent: the main thread gives slots back by setting 0. */
  readonly lentSlots: ArrayBufferLike;
  /**
   * Two Int32: the number of the task that the worker is at, and the position of the sample in it, or -1 where the dataset makes
   * the whole batch. They outlive the worker.
   */
  readonly progress: ArrayBufferLike;
  /** That of a {@link TaskStarts}, which the worker writes. */
  readonly starts: ArrayBufferLike;
}

/** A task with its number, which counts up in each worker. */
export interface NumberedTask {
  readonly id: number;
  readonly task: BatchTask;
}

/** Main thread → worker. Tasks are made in the order in which they come. */
export type ToWorker =
  | {
      readonly type: 'work';
      readonly pass: number;
      readonly tasks: readonly NumberedTask[];
    }
  | { readonly type: 'observe'; readonly on: boolean }
  /** Memory of batches that were lent where it cannot be shared, to be written again. */
  | { readonly type: 'return'; readonly buffers: readonly ArrayBuffer[] }
  | { readonly type: 'close' };

/** A slot and the tensors in it. */
export interface SlotLoan {
  readonly slot: number;
  readonly tensors: readonly DetachedTensor[];
  /** The memory, when it is not that of the loan before: a buffer costs as much to send as a small batch. */
  readonly buffer?: ArrayBufferLike;
  /** Where the slot lies in it, when its pages are to be locked. */
  readonly place?: SlotPlace;
}

/** What became of a task. */
export type TaskOutcome =
  | {
      readonly id: number;
      readonly result: TaskResult;
      readonly makeMs: number;
      /** Where that time went, where it was measured. */
      readonly stages?: StageTimes;
      /** When it was begun, as a shared moment: if the loader is observed and memory cannot be shared. */
      readonly startedAt?: number;
      /** Where the batch is, when it is lent. Its value lacks the tensors that are in the slot. */
      readonly loan?: SlotLoan;
      /** The small tensors of a batch that is not lent: they are in the message's page. */
      readonly small?: readonly DetachedTensor[];
    }
  | { readonly id: number; readonly error: ErrorRecord };

/** Worker → main thread. `ready` comes first, or `failed` instead of it. */
export type FromWorker =
  | { readonly type: 'ready'; readonly facts: DatasetFacts }
  | { readonly type: 'failed'; readonly error: ErrorRecord }
  | {
      readonly type: 'done';
      readonly outcomes: readonly TaskOutcome[];
      /** Small tensors of all outcomes. */
      readonly page: ArrayBuffer | undefined;
    };
