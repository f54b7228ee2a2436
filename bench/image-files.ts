import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import sharp from 'sharp';
import { benchFolder } from './measure.js';

const images = 1_024;
const width = 500;
const height = 375;

/** Formats of the files, and how many there are: PNGs are large. */
const counts = { jpg: images, png: 128, webp: 128 } as const;

/**
 * Creates noisy images of 500 × 375 in two class folders, unless they exist: 1,024 JPEGs of about 60 KB each, or 128 of another
 * format. @returns The folder
 */
export async function imageFolder(format: keyof typeof counts = 'jpg'): Promise<string> {
  const count = counts[format];
  const folder = `${benchFolder()}/${format === 'jpg' ? 'images' : `images-${format}`}`;
  if (existsSync(`${folder}/b/${count - 1}.${format}`)) return folder;
  process.stderr.write(`Creating ${count} images, once: half a minute …\n`);
  let state = 1;
  const noise = (): number => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) | 0;
    return (state >>> 24) / 8 - 16;
  };
  for (let k = 0; k < count; k++) {
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
    const image = sharp(pixels, { raw: { width, height, channels: 3 } });
    const encoded =
      format === 'png' ? image.png() : image.toFormat(format === 'jpg' ? 'jpeg' : format, { quality: 88 });
    const name = k < count / 2 ? 'a' : 'b';
    mkdirSync(`${folder}/${name}`, { recursive: true });
    writeFileSync(`${folder}/${name}/${k}.${format}`, await encoded.toBuffer());
  }
  return folder;
}
