// J6: a PyTorch loop fed by millrace serve over a unix socket, beside torch's DataLoader. The figures count the server's
// processor time. Copies of a batch after it was made: one into shared memory; over the socket, one into the kernel and one out of it.
import { tokenizerFolder } from './chat-files.js';
import { imageFolder } from './image-files.js';
import {
  atLeast,
  bestOf,
  type Contestant,
  compare,
  peerAdvice,
  pythonCommand,
  type Report,
  resultOf,
} from './measure.js';
import { textFolder } from './text-files.js';
import { tokenFile } from './token-file.js';

export const title =
  'J6: PyTorch fed by millrace serve: 2,048-token windows (batch 32), training images (batch 64), J2 (windows of 1,024 tokens, batch 16)';
export const unit = 'tokens, images or windows/s';
const seconds = 2;

export default async function run(): Promise<Report> {
  const prefix = tokenFile();
  const images = await imageFolder();
  const texts = [await textFolder(), tokenizerFolder()] as const;
  // The server inherits it.
  process.env.MILLRACE_BENCH_TOKENIZER = texts[1];
  const contestant = (name: string, script: string, ...args: (string | number)[]): Contestant[] => {
    const command = pythonCommand(script, ...args, seconds);
    return command ? [{ name, command }] : [];
  };
  const served = (kind: string, data: string) =>
    [0, 2].flatMap((workers) =>
      ['shared', 'socket'].flatMap((way) =>
        contestant(`served ${kind}, ${workers} workers, ${way}`, 'served.py', kind, data, workers, way),
      ),
    );
  const contestants = [
    ...served('tokens', prefix),
    ...[0, 2].flatMap((workers) =>
      contestant(`PyTorch tokens, ${workers} workers`, 'windows.py', `${prefix}.bin`, 'usual', workers),
    ),
    ...served('images', images),
    ...[0, 2].flatMap((workers) =>
      contestant(`PyTorch images, ${workers} workers`, 'images.py', images, workers),
    ),
    ...contestant('served texts, 2 workers, shared', 'served.py', 'texts', texts[0], 2, 'shared'),
    ...[0, 2].flatMap((workers) =>
      contestant(`PyTorch texts, ${workers} workers`, 'text_windows.py', 'train', ...texts, workers),
    ),
  ];
  if (contestants.length === 0) throw new Error(peerAdvice);
  const results = compare(contestants, 'rate', 3);
  const goals = ['tokens', 'images', 'texts'].flatMap((kind) => {
    const best = bestOf(results, `served ${kind}`).value;
    return [
      atLeast(
        `${kind}: against PyTorch with 2 workers`,
        best / resultOf(results, `PyTorch ${kind}, 2 workers`).value,
        3,
      ),
      atLeast(
        `${kind}: against PyTorch in process`,
        best / resultOf(results, `PyTorch ${kind}, 0 workers`).value,
        0.9,
      ),
    ];
  });
  return { results, goals };
}
