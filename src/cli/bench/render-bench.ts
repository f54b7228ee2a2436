import { type StageName, stageNames } from '../../monitor/run-statistics.js';
import {
  formatBytes,
  formatCompact,
  formatCount,
  formatDuration,
  formatShare,
} from '../../web/kit/numbers.js';
import { type ShardReads, shardReadsText } from '../shard-reads.js';
import { renderTable } from '../terminal/table.js';
import { type Advice, describeSetting, verdictOn } from './advice.js';
import type { MachineLimits } from './machine-limits.js';
import type { PipelineSpeed } from './measure-pipeline.js';

/** Results of a benchmark. */
export interface BenchResult {
  readonly what: string;
  readonly stepMs: number;
  readonly configured: PipelineSpeed;
  readonly limits: MachineLimits;
  readonly tried: readonly PipelineSpeed[];
  readonly best: PipelineSpeed;
  /** Present if samples cost the decoding of row groups or record batches. */
  readonly reads?: ShardReads | undefined;
  readonly advice: readonly Advice[];
}

const stageTitles: Readonly<Record<StageName, string>> = {
  storage: 'storage',
  decode: 'decode',
  transform: 'transform',
  collate: 'collate',
  handOff: 'hand-off',
};
const barWidth = 24;
const right = { align: 'right' } as const;

/** Renders the results of a benchmark. */
export function renderBench(result: BenchResult): string {
  const { configured, stepMs, limits, tried, reads, advice } = result;
  return [
    `${verdictOn(configured, stepMs)}\n\n${renderSpeed(configured)}`,
    `Where a batch spends its time\n${renderStages(configured)}${renderReads(reads)}`,
    `Limits of this machine, measured now\n${renderLimits(configured, limits)}`,
    `Tried\n${renderTried(tried)}`,
    `What to change\n${renderAdvice(advice)}`,
  ].join('\n\n');
}

function renderSpeed(speed: PipelineSpeed): string {
  const { samplesPerSecond, batchesPerSecond, tokensPerSecond, bytesPerSecond, firstBatchMs } = speed;
  const tokens = tokensPerSecond > 0 ? [`${formatCompact(tokensPerSecond)} tokens/s`] : [];
  const figures = [
    `${formatCompact(samplesPerSecond)} samples/s`,
    `${formatCompact(batchesPerSecond)} batches/s`,
    ...tokens,
    ...(bytesPerSecond > 0 ? [`${formatBytes(bytesPerSecond)}/s`] : []),
    `first batch after ${formatDuration(firstBatchMs)}`,
  ];
  return `As configured (${describeSetting(speed)})\n  ${figures.join(', ')}`;
}

function renderStages({ stageMs, consumerMs }: PipelineSpeed): string {
  const total = Object.values(stageMs).reduce((sum, ms) => sum + ms, 0);
  const rows = stageNames.map((stage) => {
    const share = total === 0 ? 0 : stageMs[stage] / total;
    return [
      stageTitles[stage],
      milliseconds(stageMs[stage]),
      formatShare(share),
      '█'.repeat(Math.round(share * barWidth)),
    ];
  });
  const columns = [
    { title: 'stage' },
    { title: 'a batch', ...right },
    { title: 'share', ...right },
    { title: '' },
  ];
  const table = indented(renderTable(columns, rows));
  return `${table}\n  The consumer takes ${milliseconds(consumerMs)} per batch. Workers run their stages in parallel.`;
}

function renderReads(reads: ShardReads | undefined): string {
  return reads ? `\n  It decodes ${shardReadsText(reads)}.` : '';
}

function renderLimits({ bytesPerSecond }: PipelineSpeed, { copy, read, readFile }: MachineLimits): string {
  const file = readFile === 'data' ? 'the data' : 'a temporary file';
  const part = bytesPerSecond > 0 ? `; the loader reaches ${formatShare(bytesPerSecond / copy)} of that` : '';
  return [
    `  copying in memory, one thread: ${formatBytes(copy)}/s${part}`,
    `  reading ${file}: ${formatBytes(read)}/s, in part from the system's page cache`,
  ].join('\n');
}

function renderTried(tried: readonly PipelineSpeed[]): string {
  const columns = [
    { title: 'workers', ...right },
    { title: 'ahead', ...right },
    { title: 'lent' },
    { title: 'samples/s', ...right },
    { title: 'waiting', ...right },
    { title: 'first batch', ...right },
  ];
  const rows = tried.map((speed) => [
    String(speed.numWorkers),
    speed.numWorkers === 0 ? '–' : String(speed.prefetchFactor),
    speed.reuseBuffers ? 'yes' : 'no',
    formatCount(Math.round(speed.samplesPerSecond)),
    formatShare(speed.waitShare),
    formatDuration(speed.firstBatchMs),
  ]);
  return indented(renderTable(columns, rows));
}

function renderAdvice(advice: readonly Advice[]): string {
  if (advice.length === 0) return '  Nothing: no setting is faster by a tenth, and no stage stands out.';
  return advice
    .map(
      ({ change, gain, measured }) =>
        `  ${change}\n    ${measured ? 'measured' : 'at most'}: ${gain.toFixed(1)} times as fast`,
    )
    .join('\n');
}

function indented(table: string): string {
  return table.replaceAll(/^/gm, '  ');
}

function milliseconds(ms: number): string {
  return ms < 1 ? `${Math.round(ms * 1_000)} µs` : `${ms.toFixed(ms < 10 ? 2 : 1)} ms`;
}
