import { fuzzTest } from './harness.js';

const kinds = new URL('../fixtures/image-kinds/', import.meta.url);

fuzzTest('damaged images give a typed error or pixels', {
  reader: new URL('readers/images.js', import.meta.url),
  corpus: [
    'profile.jpg',
    'cmyk.jpg',
    'palette.png',
    'alpha.webp',
    'palette.gif',
    'turned.tif',
    'rle8.bmp',
    '565.bmp',
    'p6-100.ppm',
    'p1.pbm',
  ].map((name) => new URL(name, kinds)),
});
