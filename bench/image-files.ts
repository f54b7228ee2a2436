import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import sharp from 'sharp';
import { benchFolder } from './measure.js';

const images = 1_024;
const width = 500;
const height = 375;

/**
 * Creates 1,024 noisy JPEG images of 500 × 375, about 60 KB each, in two class folders, unless they exist. @returns
 * The folder
 */
export async function imageFolder(): Promise<string> {
  const folder = `${benchFolder()}/images`;
  if (existsSync(`${folder}/b/${images - 1}.jpg`)) return folder;
  process.stderr.write('Creating 1,024 images, once: half a minute …\n');
  let state = 1;
  const noise = (): number => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) | 0;
    return (state >>> 24) / 8 - 16;
  };
  for (let k = 0; k < images; k++) {
    const pixels = Buffer.alloc(3 * width * height);
    for (let y = 0; y < height; y++) {
      for (let x = 0; x < width; x++) {
        const at = 3 * (y * width + x);
        const grain = noise();
        pixels[at] = 128 + 90 * Math.sin((x + k) / 23 + y / 41) + grain;
        pixels[at + 1] = 128 + 90 * Math.cos(y / (12 + (k % 9))) + grain;
        pixels[at + 2] = 128 + 80 * Math.sin((x * y) / 9_000 + k) + grain;
      }
    }
    const jpeg = await sharp(pixels, { raw: { width, height, channels: 3 } })
      .jpeg({ quality: 88 })
      .toBuffer();
    const name = k < images / 2 ? 'a' : 'b';
    mkdirSync(`${folder}/${name}`, { recursive: true });
    writeFileSync(`${folder}/${name}/${k}.jpg`, jpeg);
  }
  return folder;
}
