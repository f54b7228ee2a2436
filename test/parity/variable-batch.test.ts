import { batchBySeqlens, scaleLr, VariableBatchSampler, VariableBatchSizeLr } from 'millrace/deepspeed';
import { ConfigError } from 'millrace/errors';
import { expect } from 'vitest';
import type { BatchBySeqlensOptions, SequencePickingOrder } from '../../dist/deepspeed/batch-by-seqlens.js';
import type { LrScalingMethod } from '../../dist/deepspeed/scale-lr.js';
import { DecayingLr } from '../deepspeed/decaying-lr.js';
import { checkByKind, type RecordedError, testEveryCase } from './golden-file.js';

/** Arguments of `batch_by_seqlens`. */
interface BatchingArguments {
  readonly seqlens: number[];
  readonly max_tokens: number;
  readonly sequence_ids_per_mb?: number[] | null;
  readonly min_batch_size?: number;
  readonly max_batch_size?: number | null;
  readonly sequence_picking_order?: SequencePickingOrder;
  readonly effective_batch_size?: number;
  readonly required_microbatches_of_same_size?: boolean;
  readonly seed?: number | null;
}

interface Case {
  readonly kind: string;
  readonly args: BatchingArguments;
  readonly result?: {
    microbatch_ids: [number, number[]][];
    batch_sizes: number[];
    batch_max_seqlens: number[];
  };
  readonly base_batch_size: number;
  readonly batch_size: number;
  readonly base_lr: number;
  readonly method: LrScalingMethod;
  readonly lr?: number;
  readonly base: 'none' | 'StepLR' | 'ExponentialLR';
  readonly step_size?: number;
  readonly gamma?: number;
  readonly batch_sizes: number[];
  readonly steps: number;
  readonly lr_after_step: number[];
  readonly base_last_lr: number[][];
  readonly last_epoch: number;
  readonly replicas: number;
  readonly dataloader_batch_size: number;
  readonly same_seqlen: boolean;
  readonly ranks: [id: number, length: number][][][];
  readonly error?: RecordedError;
}

function pack({ args }: Case) {
  const options = {
    maxTokens: args.max_tokens,
    sequenceIds: args.sequence_ids_per_mb,
    minBatchSize: args.min_batch_size,
    maxBatchSize: args.max_batch_size,
    sequencePickingOrder: args.sequence_picking_order,
    effectiveBatchSize: args.effective_batch_size,
    requiredMicrobatchesOfSameSize: args.required_microbatches_of_same_size,
    seed: args.seed,
  };
  const given = Object.fromEntries(Object.entries(options).filter(([, value]) => value != null));
  return batchBySeqlens(args.seqlens, { ...(given as unknown as BatchBySeqlensOptions), parity: true });
}

testEveryCase<Case>(
  'variable_batch.json',
  36,
  checkByKind({
    batch_by_seqlens(golden) {
      if (golden.error) {
        expect(() => pack(golden)).toThrow(ConfigError);
        return;
      }
      const { microbatchIds, batchSizes, batchMaxSeqlens } = pack(golden);
      expect({
        microbatch_ids: microbatchIds,
        batch_sizes: batchSizes,
        batch_max_seqlens: batchMaxSeqlens,
      }).toEqual(golden.result);
    },
    scale_lr({ base_batch_size, batch_size, base_lr, method, lr, error }) {
      const scaled = () => scaleLr(base_batch_size, batch_size, base_lr, method);
      if (error) expect(scaled).toThrow(ConfigError);
      else expect(scaled()).toBe(lr);
    },
    lr(golden) {
      const optimizer = { paramGroups: [{ lr: golden.lr! }] };
      const scheduler =
        golden.base === 'none' ? undefined : new DecayingLr(optimizer, golden.step_size ?? 1, golden.gamma!);
      const scaled = new VariableBatchSizeLr({
        optimizer,
        ...(scheduler && { scheduler }),
        baseBatchSize: golden.base_batch_size,
        batchSizes: golden.batch_sizes,
        method: golden.method,
      });
      const rates = [optimizer.paramGroups[0]!.lr];
      const unscaled = [[...scaled.getLastLr()]];
      for (let step = 0; step < golden.steps; step++) {
        scaled.step();
        rates.push(optimizer.paramGroups[0]!.lr);
        unscaled.push([...scaled.getLastLr()]);
      }
      expect(rates).toEqual(golden.lr_after_step);
      expect(unscaled).toEqual(golden.base_last_lr);
      expect(scaled.lastEpoch).toBe(golden.last_epoch);
    },
    loader(golden) {
      const packing = pack(golden);
      expect(golden.ranks).toHaveLength(golden.replicas);
      for (const [rank, expected] of golden.ranks.entries()) {
        const sampler = new VariableBatchSampler(packing, {
          rank,
          worldSize: golden.replicas,
          microBatchesPerStep: golden.dataloader_batch_size,
        });
        const steps = Array.from({ length: sampler.length }, (_, step) => sampler.stepAt(step));
        const { seqlens } = golden.args;
        const lengthOf = ({ ids, paddedLengths }: (typeof steps)[number], k: number): number =>
          golden.same_seqlen ? paddedLengths[k]! : seqlens[ids[k]!]!;
        expect(steps.map((step) => step.ids.map((id, k) => [id, lengthOf(step, k)]))).toEqual(expected);
        expect([...sampler]).toEqual(steps.map(({ ids }) => ids));
      }
    },
  }),
);
