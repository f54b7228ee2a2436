// W3: JPEGs of 500 × 375 to random resized crops of 224, flipped and normalized, float32 NCHW, batches of 64.
import { readdirSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname } from 'node:path';
import { imageFolder } from './image-files.js';
import {
  atLeast,
  type Contestant,
  compare,
  compiledCommand,
  nodeCommand,
  peerAdvice,
  pythonCommand,
  type Report,
  resultOf,
} from './measure.js';

export const title =
  'W3: JPEG 500 × 375 to a random resized crop of 224, flip, normalize, float32 NCHW, batch 64';
export const unit = 'images/s';
const seconds = 3;

export default async function run(): Promise<Report> {
  const folder = await imageFolder();
  const files = ['a', 'b'].flatMap((name) =>
    readdirSync(`${folder}/${name}`).map((file) => `${folder}/${name}/${file}`),
  );
  const ours = (workers: number, decoder: string): Contestant => ({
    name: `Millrace, ${workers} workers, ${decoder === 'auto' ? 'libjpeg-turbo' : decoder}`,
    command: nodeCommand('images.js', folder, workers, decoder, seconds),
  });
  const limit = (threads: number): Contestant => ({
    name: `libjpeg-turbo decoding only, ${threads} ${threads === 1 ? 'thread' : 'threads'}`,
    command: compiledCommand('jpeg.c', ['-ldl', '-lpthread'], library(), seconds, threads, ...files),
  });
  const peers = [0, 2].flatMap((workers) => {
    const command = pythonCommand('images.py', folder, workers, seconds);
    return command ? [{ name: `PyTorch + PIL, ${workers} workers`, command }] : [];
  });
  if (peers.length === 0) console.error(peerAdvice);
  const contestants = [ours(0, 'auto'), ours(2, 'auto'), ours(2, 'sharp'), ...peers, limit(1), limit(2)];
  const results = compare(contestants, 'rate');
  const rate = (name: string): number => resultOf(results, name).value;
  const perCpu = (name: string): number => resultOf(results, name).perCpuSecond;
  return {
    results,
    goals: [
      ...(peers.length > 0
        ? [
            atLeast(
              'against PyTorch with PIL, per core',
              perCpu('Millrace, 0 workers, libjpeg-turbo') / perCpu('PyTorch + PIL, 0 workers'),
              2.6,
            ),
          ]
        : []),
      atLeast(
        'of decoding alone on one core',
        rate('Millrace, 0 workers, libjpeg-turbo') / rate('libjpeg-turbo decoding only, 1 thread'),
        0.75,
      ),
      atLeast(
        'of decoding alone on two cores',
        rate('Millrace, 2 workers, libjpeg-turbo') / rate('libjpeg-turbo decoding only, 2 threads'),
        0.75,
      ),
    ],
  };
}

/** The library that the loader uses. */
function library(): string {
  const packageFolder = dirname(createRequire(import.meta.url).resolve('@julusian/jpeg-turbo'));
  return `${packageFolder}/prebuilds/jpeg-turbo-${process.platform}-${process.arch}/libturbojpeg.so.0`;
}
