import type { DType } from '../../../core/dtype.js';
import type { ErrorRecord } from '../../../core/error-record.js';
import type { Recipe } from '../../../core/recipe.js';
import type { StageTimes } from '../../../core/stage-clock.js';
import type { WorkerInfo } from '../../../core/worker-info.js';
import type { MixOptions } from '../../../images/mix-collate.js';
import type { PackCollateOptions } from '../../../tokens/pack-collate.js';
import type { Rearrangement } from '../../amend/rearrangement.js';
import type { SlotPlace } from '../../batch/batch-memory.js';
import type { TaskResult } from '../../batch/batch-result.js';
import type { PadCollateOptions } from '../../batch/pad-collate.js';
import type { BatchSettings } from '../../batch/sample-steps.js';
import type { TorchRules } from '../../batch/tree-collate.js';
import type { BatchTask } from '../../order/batch-task.js';
import type { DatasetFacts } from '../../order/dataset-facts.js';
import type { CachePlan } from '../sample-cache/open-cache.js';
import type { DetachedTensor } from './detached-tensors.js';
import type { ThreadPort } from './thread-port.js';

/** Which collate a worker runs. `none` sends the samples, and the main thread collates. */
export type CollateSpec =
  | { readonly type: 'default'; readonly numberDtype: DType }
  | { readonly type: 'pad'; readonly options: Required<PadCollateOptions<DType>> }
  | { readonly type: 'mix'; readonly options: MixOptions }
  | { readonly type: 'pack'; readonly options: PackCollateOptions }
  | { readonly type: 'torch'; readonly options: TorchRules<DType>['torchOptions'] }
  | { readonly type: 'module'; readonly recipe: Recipe }
  | { readonly type: 'none' };

/** Main thread → worker: another loader joins the thread, with a port of its own. */
export interface GuestArrives {
  readonly type: 'guest';
  readonly port: ThreadPort;
  readonly setup: WorkerSetup;
}

/** Everything that a worker needs to start. Sent once, to the new thread. */
export interface WorkerSetup {
  readonly info: WorkerInfo;
  readonly dataset: Recipe;
  /** How samples are taken from the dataset, if the run was amended since the workers started. */
  readonly rearrangement?: Rearrangement | undefined;
  readonly transform: Recipe | undefined;
  readonly collate: CollateSpec;
  readonly settings: BatchSettings;
  readonly reuseBuffers: boolean;
  /** Whether the loader is observed: outcomes then contain the times of the stages. */
  readonly observed: boolean;
  /** Whether slots of lent memory consist of whole pages, which the main thread locks. */
  readonly wholePages: boolean;
  /** Whether the main thread, which lacks the dataset, needs its fingerprint. */
  readonly wantsFingerprint: boolean;
  /** The cache of samples, if the loader has one. */
  readonly cache: CachePlan | undefined;
  // Without shared memory, each side has its own copy of the following four.
  /** One Int32: the current pass. Tasks of an earlier pass are dropped. */
  readonly currentPass: ArrayBufferLike;
  /** One Int32 per slot of lent memory, 1 while it is lent: the main thread releases a slot by storing 0. */
  readonly lentSlots: ArrayBufferLike;
  /**
   * Two Int32: the number of the worker's current task, and the position of the current sample in it, or -1 if the
   * dataset makes the whole batch. They outlive the worker.
   */
  readonly progress: ArrayBufferLike;
  /** Memory of a {@link TaskStarts}, which the worker writes. */
  readonly starts: ArrayBufferLike;
}

/** A task and its number, counted per worker. */
export interface NumberedTask {
  readonly id: number;
  readonly task: BatchTask;
}

/** Main thread → worker. Tasks are made in the order of arrival. */
export type ToWorker =
  | {
      readonly type: 'work';
      readonly pass: number;
      readonly tasks: readonly NumberedTask[];
    }
  | { readonly type: 'observe'; readonly on: boolean }
  | { readonly type: 'rearrange'; readonly rearrangement: Rearrangement }
  /** Memory of batches that were lent where it cannot be shared, to be written again. */
  | { readonly type: 'return'; readonly buffers: readonly ArrayBuffer[] }
  | { readonly type: 'close' };

/** A slot and the tensors in it. */
export interface SlotLoan {
  readonly slot: number;
  readonly tensors: readonly DetachedTensor[];
  /** The memory, if it differs from that of the previous loan: sending a buffer costs as much as a small batch. */
  readonly buffer?: ArrayBufferLike;
  /** Byte range of the slot, if its pages are to be locked. */
  readonly place?: SlotPlace;
}

/** Outcome of a task. */
export type TaskOutcome =
  | {
      readonly id: number;
      readonly result: TaskResult;
      readonly makeMs: number;
      /** That time by stage, if measured. */
      readonly stages?: StageTimes;
      /** When it was started, on the shared clock: if the loader is observed and memory cannot be shared. */
      readonly startedAt?: number;
      /** Location of the batch, if it is lent. Its value lacks the tensors in the slot. */
      readonly loan?: SlotLoan;
      /** The small tensors of an owned batch, which are in the message's page. */
      readonly small?: readonly DetachedTensor[];
    }
  | { readonly id: number; readonly error: ErrorRecord };

/** Worker → main thread. The first message is `ready` or `failed`. */
export type FromWorker =
  | { readonly type: 'ready'; readonly facts: DatasetFacts }
  | { readonly type: 'failed'; readonly error: ErrorRecord }
  /** The program of the loader that started the thread has ended; others continue. */
  | { readonly type: 'left' }
  | {
      readonly type: 'done';
      readonly outcomes: readonly TaskOutcome[];
      /** Small tensors of all outcomes. */
      readonly page: ArrayBuffer | undefined;
    };
