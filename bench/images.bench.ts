// Recipes of image augmentation, from files of 500 × 375 to batches of 64: float32 NCHW, or bytes.
import { imageFolder } from './image-files.js';
import {
  atLeast,
  type Contestant,
  compare,
  nodeCommand,
  peerAdvice,
  pythonCommand,
  type Report,
  resultOf,
} from './measure.js';

export const title =
  'Images: files of 500 × 375 to batches of 64 by the recipes of training, on one core, beside torchvision with PIL';
export const unit = 'images/s';
const seconds = 2;
const rounds = 3;
/** Images per processor second, against torchvision. */
const goal = 1.5;

/** The recipes of `contestants/recipes.js` and `recipes.py`, and the format of the files. */
const recipes = [
  ['crop and flip, bytes', 'bytes', 'jpg'],
  ['resize and center crop', 'evaluation', 'jpg'],
  ['color jitter', 'jitter', 'jpg'],
  ['RandAugment', 'randAugment', 'jpg'],
  ['TrivialAugmentWide', 'trivialAugmentWide', 'jpg'],
  ['AutoAugment', 'autoAugment', 'jpg'],
  ['AugMix', 'augMix', 'jpg'],
  ['affine', 'affine', 'jpg'],
  ['blur and grayscale', 'blur', 'jpg'],
  ['crop and rotate with mask and boxes', 'mask', 'jpg'],
  ['PNG, crop and flip', 'training', 'png'],
  ['WebP, crop and flip', 'training', 'webp'],
] as const;

export default async function run(): Promise<Report> {
  const contestants: Contestant[] = [];
  for (const [what, recipe, format] of recipes) {
    const folder = await imageFolder(format);
    contestants.push({
      name: `${what}: Millrace`,
      command: nodeCommand('images.js', folder, 0, 'auto', seconds, recipe),
    });
    const peer = pythonCommand('images.py', folder, 0, seconds, recipe);
    if (peer) contestants.push({ name: `${what}: torchvision`, command: peer });
  }
  const hasPeers = contestants.length > recipes.length;
  if (!hasPeers) console.error(peerAdvice);
  const results = compare(contestants, 'rate', rounds);
  const perCpu = (name: string): number => resultOf(results, name).perCpuSecond;
  const goals = hasPeers
    ? recipes.map(([what]) =>
        atLeast(`${what}, per core`, perCpu(`${what}: Millrace`) / perCpu(`${what}: torchvision`), goal),
      )
    : [];
  return { results, goals };
}
