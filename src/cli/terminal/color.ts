import { styleText } from 'node:util';

/** Colors that are distinct on light and dark backgrounds. */
export type Color = 'blue' | 'yellow' | 'green' | 'red' | 'gray' | 'bold';

/** Colors a text, or returns it unchanged. */
export type Paint = (color: Color, text: string) => string;

const plain: Paint = (_color, text) => text;
const colored: Paint = (color, text) => styleText(color, text, { validateStream: false });

/** What decides whether a stream gets colors. */
export interface ColorSurroundings {
  readonly isTTY?: boolean | undefined;
}

/** Uses colors on a terminal unless `NO_COLOR` is set (https://no-color.org). */
export function paintFor(
  stream: ColorSurroundings,
  environment: Readonly<Record<string, string | undefined>> = process.env,
): Paint {
  const refused = (environment.NO_COLOR ?? '') !== '' || environment.TERM === 'dumb';
  return stream.isTTY === true && !refused ? colored : plain;
}
