import { withoutSecrets } from '../core/shown-location.js';

/** Fields whose values are secrets. */
const secretFields = /^(token|password|secret|authorization|credentials|api[-_]?key)$/i;

/**
 * A section of a configuration on one line: plain values verbatim, secrets masked, other values described by type.
 */
export function describeSection(section: unknown): string {
  if (typeof section === 'string') return withoutSecrets(section);
  if (typeof section === 'function') return `function ${section.name}`.trim();
  if (section instanceof URL) return withoutSecrets(section.href);
  if (ArrayBuffer.isView(section)) return section.constructor.name;
  if (Array.isArray(section)) return `[${section.map(describeSection).join(', ')}]`;
  if (typeof section !== 'object' || section === null) return String(section);
  const { name = 'Object' } = section.constructor ?? {};
  if (name !== 'Object') return name;
  const fields = Object.entries(section)
    .filter(([, value]) => value !== undefined)
    .map(([key, value]) => `${key}: ${describeField(key, value)}`);
  return fields.length === 0 ? '{}' : `{ ${fields.join(', ')} }`;
}

function describeField(key: string, value: unknown): string {
  if (secretFields.test(key)) return '…';
  // Any header may grant access.
  if (key === 'headers' && typeof value === 'object' && value !== null)
    return describeSection(Object.fromEntries(Object.keys(value).map((name) => [name, '…'])));
  return describeSection(value);
}
