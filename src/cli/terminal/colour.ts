import { styleText } from 'node:util';

/** Colours that are told apart on light and dark backgrounds. */
export type Colour = 'blue' | 'yellow' | 'green' | 'red' | 'gray' | 'bold';

/** Puts text into a colour, or leaves it as it is. */
export type Paint = (colour: Colour, text: string) => string;

const plain: Paint = (_colour, text) => text;
const coloured: Paint = (colour, text) => styleText(colour, text, { validateStream: false });

/** What decides on colours: the stream written to and the environment. */
export interface ColourSurroundings {
  readonly isTTY?: boolean | undefined;
}

/** Colours on a terminal, unless `NO_COLOR` is set (https://no-color.org); plain text elsewhere. */
export function paintFor(
  stream: ColourSurroundings,
  environment: Readonly<Record<string, string | undefined>> = process.env,
): Paint {
  const refused = (environment.NO_COLOR ?? '') !== '' || environment.TERM === 'dumb';
  return stream.isTTY === true && !refused ? coloured : plain;
}
