import { styleText } from 'node:util';

/** Colors that are told apart on light and dark backgrounds. */
export type Color = 'blue' | 'yellow' | 'green' | 'red' | 'gray' | 'bold';

/** Puts text into a color, or leaves it as it is. */
export type Paint = (color: Color, text: string) => string;

const plain: Paint = (_color, text) => text;
const colored: Paint = (color, text) => styleText(color, text, { validateStream: false });

/** What decides on colors: the stream written to and the environment. */
export interface ColorSurroundings {
  readonly isTTY?: boolean | undefined;
}

/** Colors on a terminal, unless `NO_COLOR` is set (https://no-color.org); plain text elsewhere. */
export function paintFor(
  stream: ColorSurroundings,
  environment: Readonly<Record<string, string | undefined>> = process.env,
): Paint {
  const refused = (environment.NO_COLOR ?? '') !== '' || environment.TERM === 'dumb';
  return stream.isTTY === true && !refused ? colored : plain;
}
