import type { SchemaTree } from 'hyparquet';
import { ownValue, setOwn } from '../core/record.js';

type Plain = (value: unknown) => unknown;

/**
 * What the parser gives for a column, with `null` for lists, maps and groups that are missing, at any depth, as it has it for other
 * values; and with the number nearest to each decimal. Lists and groups are changed in place.
 */
export function plainColumn(values: ArrayLike<unknown>, node: SchemaTree): ArrayLike<unknown> {
  const plain = plainOf(node);
  return plain ? Array.from(values, plain) : values;
}

/** `undefined` where values are as they should be. */
function plainOf(node: SchemaTree): Plain | undefined {
  const { element, children } = node;
  // A list without a group around it.
  if (element.repetition_type === 'REPEATED') return plainList(plainOfOne(node));
  const [only] = children;
  if (children.length === 1 && only!.element.repetition_type === 'REPEATED') {
    const parts = only!.children;
    if (element.converted_type === 'LIST')
      return plainList(parts.length === 1 ? plainOf(parts[0]!) : plainOfOne(only!));
    if (element.converted_type === 'MAP' && parts.length === 2) {
      const plain = plainOf(parts[1]!);
      return plainGroup(() => plain);
    }
  }
  return plainOfOne(node);
}

/** Of a group or a value, whether or not it is repeated. */
function plainOfOne({ element, children }: SchemaTree): Plain | undefined {
  if (children.length > 0) {
    const parts = new Map(children.map((child) => [child.element.name, plainOf(child)]));
    return plainGroup((name) => parts.get(name));
  }
  if (element.converted_type !== 'DECIMAL' || !element.scale) return undefined;
  const power = 10 ** element.scale;
  return (value) => (typeof value === 'number' ? nearestDecimal(value, power) : value);
}

function plainList(plain: Plain | undefined): Plain {
  return (list) => {
    if (plain && Array.isArray(list)) for (let k = 0; k < list.length; k++) list[k] = plain(list[k]);
    return list ?? null;
  };
}

function plainGroup(plainOfPart: (name: string) => Plain | undefined): Plain {
  return (value) => {
    const group = value as Record<string, unknown> | null | undefined;
    if (!group) return null;
    for (const name of Object.keys(group)) {
      const plain = plainOfPart(name);
      if (plain) setOwn(group, name, plain(ownValue(group, name)));
    }
    return group;
  };
}

/** The parser multiplies by 0.01, which is none: 57 hundredths become 0.5700000000000001. */
function nearestDecimal(value: number, power: number): number {
  const digits = Math.round(value * power);
  return Number.isSafeInteger(digits) ? digits / power : value;
}
