import { readFileSync } from 'node:fs';
import { ImagePipeline, resize } from 'millrace/images';

const context = { rng: { float: () => 0.5, integer: (low) => low, boolean: () => false } };

/** With both decoders, which must agree on what is an image. */
export default async (path) => {
  const bytes = readFileSync(path);
  const made = [];
  for (const decoder of ['auto', 'sharp']) {
    const pipeline = new ImagePipeline([resize([8, 8])], { decoder, maxPixels: 2 ** 22 });
    made.push([...(await pipeline.run(bytes, path, context)).data]);
  }
  return made;
};
