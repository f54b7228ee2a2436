import { existsSync } from 'node:fs';
import { convert } from 'millrace/convert';
import { imageFolder } from './image-files.js';
import { benchFolder } from './measure.js';

/** Folder of four tar shards with the images of {@link imageFolder} and their classes; creates them if they do not exist. */
export async function tarFolder(): Promise<string> {
  const output = `${benchFolder()}/tars`;
  const images = await imageFolder();
  if (!existsSync(output)) await convert([images], { to: 'webdataset', output, shardSamples: 256 });
  return output;
}
