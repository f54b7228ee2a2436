import { keysOf } from '../../core/record.js';
import type { StageName } from '../../monitor/run-statistics.js';
import { formatCount, formatShare } from '../../web/kit/numbers.js';
import { decodesAgain, type ShardReads, shardReadsText } from '../shard-reads.js';
import type { PipelineSpeed } from './measure-pipeline.js';

/** A change and its gain. */
export interface Advice {
  readonly change: string;
  /** Speed-up factor, measured or an upper limit. */
  readonly gain: number;
  readonly measured: boolean;
}

/** Minimum gain worth a change, above the noise of a short measurement. */
const worthWhile = 1.1;
/** Share of waiting below which data keeps up. */
const fewWaits = 0.05;

const remedies: Readonly<Record<StageName, string>> = {
  storage:
    'Most of it is reading: keep the data on a local disk or in the cache (cache: true), read neighboring samples together (shuffle: "shards"), or join small files into shards.',
  decode:
    'Most of it is the dataset itself: implement getBatch, or store decoded samples in a format that needs no decoding.',
  transform: 'Most of it is the transform: move the work that is the same in every epoch into a conversion.',
  collate: 'Most of it is collating: implement getBatch, so that the dataset writes the batch itself.',
  handOff:
    'Most of it is the transfer to the consumer: return typed arrays and tensors rather than objects, or use larger batches.',
};

/** Advice from the measurements. */
export function adviceFor(configured: PipelineSpeed, best: PipelineSpeed, reads?: ShardReads): Advice[] {
  const gain = best.samplesPerSecond / configured.samplesPerSecond;
  const advice: Advice[] = [];
  if (gain >= worthWhile) advice.push({ change: describeSetting(best), gain, measured: true });
  if (reads && decodesAgain(reads)) {
    const change = `This order decodes ${shardReadsText(reads)}: shuffle: 'shards' decodes each about once.`;
    return [...advice, { change, gain: reads.perShard, measured: false }];
  }
  const [stage, share] = slowestStage(best);
  if (share >= 0.4 && share < 1)
    advice.push({ change: remedies[stage], gain: 1 / (1 - share), measured: false });
  return advice;
}

/** The slowest stage and its share of a batch's time. */
export function slowestStage({ stageMs }: PipelineSpeed): readonly [stage: StageName, share: number] {
  const total = Object.values(stageMs).reduce((sum, ms) => sum + ms, 0);
  const stage = keysOf(stageMs).reduce((slowest, one) => (stageMs[one] > stageMs[slowest] ? one : slowest));
  return [stage, total === 0 ? 0 : stageMs[stage] / total];
}

/** Renders a trial as options: `numWorkers: 2, prefetchFactor: 4`. */
export function describeSetting({ numWorkers, prefetchFactor, reuseBuffers }: PipelineSpeed): string {
  const lent = reuseBuffers ? ', reuseBuffers: true' : '';
  return numWorkers === 0
    ? `numWorkers: 0${lent}`
    : `numWorkers: ${numWorkers}, prefetchFactor: ${prefetchFactor}${lent}`;
}

/** One sentence on whether a trainer would wait. */
export function verdictOn(speed: PipelineSpeed, stepMs: number): string {
  const { waitShare, samplesPerSecond } = speed;
  if (stepMs === 0)
    return `At most ${formatCount(Math.round(samplesPerSecond))} samples per second. Pass --step <ms>, the duration of a training step, to learn whether that is enough.`;
  return waitShare < fewWaits
    ? `Data keeps up with steps of ${stepMs} ms: the trainer waits for it ${formatShare(waitShare)} of the time.`
    : `With steps of ${stepMs} ms the trainer waits for data ${formatShare(waitShare)} of the time.`;
}
