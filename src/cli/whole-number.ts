import { InvalidArgumentError } from 'commander';

/** Parses a whole number of at least `minimum`. Underscores and commas may group digits. */
export function wholeNumber(minimum: number): (text: string) => number {
  return (text) => {
    const value = Number(text.replaceAll(/[_,]/g, ''));
    if (Number.isSafeInteger(value) && value >= minimum) return value;
    throw new InvalidArgumentError(`It must be a whole number of ${minimum} or more.`);
  };
}
