// biome-ignore lint/suspicious/noControlCharactersInRegex: these are what it looks for
const controls = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/g;

/**
 * Text from outside (names of columns, values, messages of others) as a terminal may show it: control characters, which could move the
 * cursor, change colors or the title, and marks that turn the direction of text around, are written as `\u001b`. Line breaks and tabs stay.
 */
export function visibleText(text: string): string {
  return text.replace(controls, (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`);
}
