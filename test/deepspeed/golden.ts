import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { BatchBySeqlensOptions, SequencePickingOrder } from 'millrace/deepspeed';

/** The folder of golden vectors. */
export const goldenFolder = fileURLToPath(new URL('../golden/', import.meta.url));

/** The cases of one golden file. */
export function goldenCases<C>(file: string): C[] {
  return (JSON.parse(readFileSync(`${goldenFolder}${file}`, 'utf8')) as { cases: C[] }).cases;
}

/** Arguments of `batch_by_seqlens` as the golden files have them. */
export interface BatchingArguments {
  seqlens: number[];
  max_tokens: number;
  sequence_ids_per_mb?: number[];
  min_batch_size?: number;
  max_batch_size?: number;
  sequence_picking_order?: SequencePickingOrder;
  effective_batch_size?: number;
  required_microbatches_of_same_size?: boolean;
  seed?: number | null;
}

/** The same as options. */
export function optionsFrom(args: BatchingArguments): BatchBySeqlensOptions {
  const options = {
    maxTokens: args.max_tokens,
    sequenceIds: args.sequence_ids_per_mb,
    minBatchSize: args.min_batch_size,
    maxBatchSize: args.max_batch_size,
    sequencePickingOrder: args.sequence_picking_order,
    effectiveBatchSize: args.effective_batch_size,
    requiredMicrobatchesOfSameSize: args.required_microbatches_of_same_size,
    seed: args.seed ?? undefined,
  };
  const given = Object.entries(options).filter(([, value]) => value !== undefined);
  return Object.fromEntries(given) as unknown as BatchBySeqlensOptions;
}
