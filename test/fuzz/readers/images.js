import { readFileSync } from 'node:fs';
import { ImagePipeline, resize } from 'millrace/images';

const context = { rng: { float: () => 0.5, integer: (low) => low, boolean: () => false } };
const large = 2 ** 22;

/** With both decoders: what one of them reads and the other does not is an error of no type. */
export default async (path) => {
  const bytes = readFileSync(path);
  const made = await Promise.allSettled(
    ['auto', 'sharp'].map(async (decoder) => {
      const pipeline = new ImagePipeline([resize([8, 8])], { decoder, maxPixels: large });
      return [...(await pipeline.run(bytes, path, context)).data];
    }),
  );
  const failed = made.filter(({ status }) => status === 'rejected');
  if (failed.length === 1) throw new Error(`one decoder reads it, the other does not: ${failed[0].reason}`);
  if (failed.length === 2) throw failed[0].reason;
  return made.map(({ value }) => value);
};
