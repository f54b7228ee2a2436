// node images.js <folder> <workers> <auto|sharp> <seconds> [recipe]: images through Millrace, by a recipe of recipes.js.
import { DataLoader, tensor } from 'millrace';
import { ImageFolder } from 'millrace/formats';
import { ImagePipeline } from 'millrace/images';
import { recipes } from './recipes.js';
import { measureFor } from './report.js';

const [folder, workers, decoder, seconds, recipe = 'training'] = process.argv.slice(2);
const transforms = recipes[recipe];
const open = () => ImageFolder.open(folder, { transforms, decoder });
const loader = new DataLoader(recipe === 'mask' ? await annotated() : await open(), {
  batchSize: 64,
  shuffle: true,
  numWorkers: Number(workers),
  reuseBuffers: true,
});
await measureFor(Number(seconds), loader, ({ image }) => image.shape[0], 1);
await loader.close();

/** Every image with a mask of its size and three boxes, of which the number that is left is kept. */
async function annotated() {
  const files = await ImageFolder.open(folder);
  const pipeline = new ImagePipeline(transforms, { decoder });
  const mask = tensor(
    Uint8Array.from({ length: 375 * 500 }, (_, i) => (i % 500) >> 7),
    [375, 500],
  );
  const boxes = tensor(Float32Array.of(10, 10, 200, 150, 100, 50, 300, 350, 250, 200, 480, 360), [3, 4]);
  return {
    length: files.length,
    get: async (index, context) => {
      const sample = await pipeline.apply({ image: await files.bytes(index), mask, boxes }, context);
      return { image: sample.image, mask: sample.mask, boxes: sample.boxes.shape[0] };
    },
  };
}
