// W2: random windows of 2,048 tokens from a 2 GB file, batches of 32, x and y. The file is in the page cache, so this
// measures reading and widening, not the disk.
import {
  atLeast,
  bestOf,
  type Contestant,
  compare,
  compiledCommand,
  nodeCommand,
  peerAdvice,
  pythonCommand,
  type Report,
  resultOf,
} from './measure.js';
import { tokenFile } from './token-file.js';

export const title = 'W2: 2,048-token windows from a 2 GB file, batch 32, x and y';
export const unit = 'tokens/s';
const seconds = 1;

export default function run(): Report {
  const prefix = tokenFile();
  const bin = `${prefix}.bin`;
  const ours = (dtype: string, workers: number, memory: string): Contestant => ({
    name: `Millrace ${dtype}, ${workers} workers, ${memory}`,
    command: nodeCommand('windows.js', prefix, dtype, workers, memory, seconds),
  });
  const limit = (name: string, kind: string, threads: number): Contestant => ({
    name,
    command: compiledCommand('windows.c', ['-lpthread'], bin, kind, threads, seconds),
  });
  const peers = ['usual', 'whole'].flatMap((kind) =>
    [0, 1, 2].flatMap((workers) => {
      const command = pythonCommand('windows.py', bin, kind, workers, seconds);
      return command ? [{ name: `PyTorch ${kind}, ${workers} workers`, command }] : [];
    }),
  );
  if (peers.length === 0) console.error(peerAdvice);
  const results = compare(
    [
      ours('int32', 0, 'lent'),
      ours('int32', 0, 'owned'),
      ours('int32', 2, 'lent'),
      ours('int32', 2, 'owned'),
      ours('uint16', 0, 'lent'),
      ...peers,
      limit('C widen from a map, 1 thread', 'widen', 1),
      limit('C widen from a map, 2 threads', 'widen', 2),
      limit('C memcpy from a map, 1 thread', 'copy', 1),
    ],
    'rate',
  );
  const best = bestOf(results, 'Millrace int32');
  const withTwo = bestOf(results, 'Millrace int32, 2');
  const widen = resultOf(results, 'C widen from a map, 1 thread');
  const memcpy = resultOf(results, 'C memcpy from a map, 1 thread');
  const stored = resultOf(results, 'Millrace uint16, 0 workers, lent');
  const peerTwo =
    peers.length > 0 &&
    Math.max(
      resultOf(results, 'PyTorch usual, 2 workers').value,
      resultOf(results, 'PyTorch whole, 2 workers').value,
    );
  return {
    results,
    goals: [
      ...(peerTwo
        ? [
            atLeast(
              'int32 against the best setting of PyTorch',
              best.value / bestOf(results, 'PyTorch').value,
              4,
            ),
            atLeast('int32 against PyTorch, both with 2 workers', withTwo.value / peerTwo, 30),
          ]
        : []),
      atLeast(
        'int32 against C, per core',
        resultOf(results, 'Millrace int32, 0 workers, lent').perCpuSecond / widen.perCpuSecond,
        0.5,
      ),
      atLeast('stored dtype against memcpy of the same windows', stored.value / memcpy.value, 0.8),
    ],
  };
}
