import type { BatchPeek, PeekField, PeekImage } from '../../monitor/dashboard/peek-batch.js';
import { html, type Markup } from '../kit/html.js';
import { formatCompact, formatCount } from '../kit/numbers.js';

/** Renders the fields of a batch. Pixel images become canvases, which {@link paintPixels} fills. */
export function renderPeek(peek: BatchPeek): Markup {
  return html`${peek.fields.map(renderField)}`;
}

function renderField({ name, type, range, notFinite, rows, texts, images }: PeekField): Markup {
  const numbers =
    range &&
    `, from ${formatCompact(range.min)} to ${formatCompact(range.max)}, mean ${formatCompact(range.mean)}`;
  const warning = notFinite && html`<strong class="bad">${notFiniteText(notFinite)}</strong>`;
  return html`<div><dt>${name || 'batch'}<small>${type}${numbers ?? ''}${warning}</small></dt><dd>${
    images &&
    html`<div class="images">${images.map((image, k) => renderImage(image, `${name || 'image'} of sample ${k}`))}</div>`
  }${texts?.map((text) => html`<blockquote tabindex="0">${text}</blockquote>`)}${
    rows &&
    rows.length > 0 &&
    html`<pre tabindex="0" role="region" aria-label="${name || 'batch'}, first elements">${rows.join('\n')}</pre>`
  }</dd></div>`;
}

/** `12 NaN and 3 infinite of 4,096 elements`. */
function notFiniteText({ nan, infinite, of }: NonNullable<PeekField['notFinite']>): string {
  const parts = [
    nan > 0 && `${formatCount(nan)} NaN`,
    infinite > 0 && `${formatCount(infinite)} infinite`,
  ].filter(Boolean);
  return `${parts.join(' and ')} of ${formatCount(of)} ${of === 1 ? 'element' : 'elements'}`;
}

function renderImage(image: PeekImage, alt: string): Markup {
  if (image.kind === 'encoded') return html`<img src="${image.url}" alt="${alt}">`;
  return html`<canvas class="pixels" role="img" aria-label="${alt}" width="${image.width}" height="${image.height}"></canvas>`;
}

/** Paints the canvases of {@link renderPeek}, in order. */
export function paintPixels(element: Element, { fields }: BatchPeek): void {
  const canvases = element.querySelectorAll<HTMLCanvasElement>('canvas.pixels');
  const images = fields.flatMap((field) => field.images ?? []).filter((image) => image.kind === 'pixels');
  for (const [k, { width, height, rgb }] of images.entries()) {
    const bytes = Uint8Array.from(atob(rgb), (character) => character.charCodeAt(0));
    const pixels = new ImageData(width, height);
    for (let i = 0; i < width * height; i++)
      pixels.data.set([bytes[3 * i]!, bytes[3 * i + 1]!, bytes[3 * i + 2]!, 255], 4 * i);
    canvases[k]?.getContext('2d')?.putImageData(pixels, 0, 0);
  }
}
