// node images.js <folder> <workers> <auto|sharp> <seconds>: training images through Millrace.
import { DataLoader } from 'millrace';
import { ImageFolder } from 'millrace/formats';
import { normalize, randomHorizontalFlip, randomResizedCrop } from 'millrace/images';
import { measureFor } from './report.js';

const [folder, workers, decoder, seconds] = process.argv.slice(2);
const transforms = [randomResizedCrop(224), randomHorizontalFlip(), normalize()];
const dataset = await ImageFolder.open(folder, { transforms, decoder });
const loader = new DataLoader(dataset, {
  batchSize: 64,
  shuffle: true,
  numWorkers: Number(workers),
  reuseBuffers: true,
});
await measureFor(Number(seconds), loader, ({ label }) => label.data.length, 1);
await loader.close();
