// biome-ignore lint/suspicious/noControlCharactersInRegex: these are what it looks for
const controls = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/g;

/**
 * Makes text from outside (column names, values, messages of others) safe for a terminal. Control characters, which
 * could move the cursor or change colors or the title, and marks that change the direction of text become escapes
 * such as `\u001b`. Line breaks and tabs are kept.
 */
export function visibleText(text: string): string {
  return text.replace(controls, (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`);
}
