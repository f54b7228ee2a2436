// Images of conversations. Rows refer to them; Millrace passes the references on, and a transform loads the images.
import { propertyOf } from '../core/property-of.js';
import { imageColumns } from './chat-layout.js';
import type { ChatMessage } from './chat-template.js';
import { isAbsent, wrongField } from './row-fields.js';

/** The text that stands for an image in LLaVA's data. */
const placeholder = '<image>';

type Part = Readonly<Record<string, unknown>>;

/**
 * The references to the images of a conversation, in order: those of the column `images` or `image`, and those inside messages.
 *
 * @returns `undefined` if the row has none.
 */
export function imagesOf(
  row: Readonly<Record<string, unknown>>,
  messages: readonly ChatMessage[],
): readonly unknown[] | undefined {
  const column = imageColumns.find((name) => !isAbsent(row[name]));
  const inMessages = messages.flatMap(({ content }) =>
    partsOf(content).flatMap((part) => (isImage(part) ? [referenceIn(part)] : [])),
  );
  if (column === undefined) {
    if (inMessages.length === 0) return undefined;
    if (inMessages.includes(undefined))
      throw wrongField('images', 'is missing, and a message has a place for an image');
    return inMessages;
  }
  const value = row[column];
  const given = Array.isArray(value) ? value : [value];
  const open = inMessages.filter((reference) => reference === undefined).length;
  const marked = messages.reduce((sum, { content }) => sum + marksIn(content), 0);
  const places = open + marked;
  if (places > 0 && places !== given.length)
    throw wrongField(column, `has ${given.length} images, and the messages have places for ${places}`);
  if (places === 0 && !messages.some(isUserText))
    throw wrongField(column, 'has images, and no message of a user has a place for them');
  let next = 0;
  // Without places, the images come first.
  if (places === 0) return [...given, ...inMessages];
  return messages.flatMap(({ content }) =>
    typeof content === 'string'
      ? Array.from({ length: marksIn(content) }, () => given[next++])
      : partsOf(content).flatMap((part) => (isImage(part) ? [referenceIn(part) ?? given[next++]] : [])),
  );
}

/**
 * Gives messages of text the parts that templates show images by: where the text says `<image>`, or else before the text of the
 * first user, as TRL does.
 */
export function placeImages(
  messages: readonly ChatMessage[],
  images: readonly unknown[],
): readonly ChatMessage[] {
  if (messages.some(({ content }) => partsOf(content).some(isImage))) return messages;
  if (messages.some(({ content }) => marksIn(content) > 0)) {
    return messages.map((message) =>
      typeof message.content === 'string' ? { ...message, content: splitAtMarks(message.content) } : message,
    );
  }
  const first = messages.findIndex(isUserText);
  return messages.map((message, turn) => {
    if (typeof message.content !== 'string') return message;
    const shown = turn === first ? images.map(() => ({ type: 'image' })) : [];
    return { ...message, content: [...shown, { type: 'text', text: message.content }] };
  });
}

function splitAtMarks(text: string): Part[] {
  return text
    .split(placeholder)
    .flatMap((piece, k) => [
      ...(k === 0 ? [] : [{ type: 'image' }]),
      ...(piece === '' ? [] : [{ type: 'text', text: piece }]),
    ]);
}

function isUserText({ role, content }: ChatMessage): boolean {
  return role === 'user' && typeof content === 'string';
}

function marksIn(content: unknown): number {
  return typeof content === 'string' ? content.split(placeholder).length - 1 : 0;
}

function partsOf(content: unknown): readonly Part[] {
  return Array.isArray(content)
    ? content.filter((part): part is Part => typeof part === 'object' && part !== null)
    : [];
}

function isImage({ type }: Part): boolean {
  return type === 'image' || type === 'image_url';
}

/** The reference of a part, in the spellings that data sets use. */
function referenceIn(part: Part): unknown {
  const { image, path, url, image_url: nested } = part;
  const found = [image, path, url, propertyOf(nested, 'url') ?? nested].find(
    (reference) => !isAbsent(reference),
  );
  return found;
}
