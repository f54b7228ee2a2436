// Runs in the workers: moves a digit by up to one pixel, so that the classifier cannot memorize pixels. The random
// numbers depend on the sample and the epoch, not on the worker that draws them.
import { tensor } from 'millrace';

const side = 8;

export default function augment({ image, label }, { rng }) {
  const dx = rng.integer(-1, 2);
  const dy = rng.integer(-1, 2);
  const moved = new Float32Array(side * side);
  for (let y = Math.max(0, dy); y < Math.min(side, side + dy); y++) {
    for (let x = Math.max(0, dx); x < Math.min(side, side + dx); x++)
      moved[y * side + x] = image.data[(y - dy) * side + x - dx];
  }
  return { image: tensor(moved), label };
}
