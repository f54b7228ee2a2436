/** Whole numbers with this many digits may not be exact as a `number`. */
const longDigits = 16;
/** Python's limit too: parsing takes time quadratic in the number of digits. */
const mostDigits = 4_300;

/** A string, or a number that `JSON.parse` may not represent. */
const tokens = /"(?:[^"\\]|\\.)*"|-?Infinity|NaN|-?\d+(?:\.\d*)?(?:[eE][+-]?\d+)?/g;

/**
 * Parses JSON as Python does: with `NaN`, `Infinity` and `-Infinity`, and with every whole number exact. A whole number beyond
 * 2^53 - 1 becomes a `bigint`.
 *
 * @throws {@link SyntaxError} if the text is not JSON.
 */
export function parseJson(text: string): unknown {
  if (hasLongRun(text)) return parseMarked(text);
  try {
    return JSON.parse(text);
  } catch (error) {
    if (/NaN|Infinity/.test(text)) return parseMarked(text);
    throw error;
  }
}

/** Whether a text contains 16 digits in a row. Checks every 16th character, which is enough to hit such a run. */
function hasLongRun(text: string): boolean {
  for (let at = longDigits - 1; at < text.length; at += longDigits) {
    if (!isDigit(text, at)) continue;
    let start = at;
    while (isDigit(text, start - 1)) start--;
    let end = at + 1;
    while (isDigit(text, end)) end++;
    if (end - start >= longDigits) return true;
  }
  return false;
}

function isDigit(text: string, at: number): boolean {
  const code = text.charCodeAt(at);
  return code >= 48 && code <= 57;
}

/** Rewrites numbers that need it as marked strings, and converts them after parsing. */
function parseMarked(text: string): unknown {
  let mark = '\ue000';
  while (text.includes(mark)) mark += '\ue000';
  let isMarked = false;
  const marked = text.replace(tokens, (token) => {
    if (token[0] === '"' || !isSpecial(token)) return token;
    isMarked = true;
    return `"${mark}${token}"`;
  });
  // The original text, so that the message quotes what the user wrote.
  if (!isMarked) return JSON.parse(text);
  return JSON.parse(marked, (key, value: unknown) => {
    if (key.startsWith(mark)) throw new SyntaxError(`${key.slice(mark.length)} is not the name of a field`);
    return typeof value === 'string' && value.startsWith(mark) ? numberOf(value.slice(mark.length)) : value;
  });
}

function isSpecial(token: string): boolean {
  if (/[NI]/.test(token)) return true;
  return /^-?\d+$/.test(token) && !Number.isSafeInteger(Number(token));
}

function numberOf(token: string): number | bigint {
  if (/[NI]/.test(token)) return Number(token);
  // JSON does not allow leading zeros.
  if (/^-?0\d/.test(token)) throw new SyntaxError(`${token.slice(0, 20)} begins with a zero`);
  if (token.length > mostDigits) throw new SyntaxError(`a whole number has more than ${mostDigits} digits`);
  return BigInt(token);
}
