/** A section of a configuration on one line: plain values as they are written, anything else by what it is. */
export function describeSection(section: unknown): string {
  if (typeof section === 'string') return section;
  if (typeof section === 'function') return `function ${section.name}`.trim();
  if (section instanceof URL) return section.href;
  if (ArrayBuffer.isView(section)) return section.constructor.name;
  if (Array.isArray(section)) return `[${section.map(describeSection).join(', ')}]`;
  if (typeof section !== 'object' || section === null) return String(section);
  const { name = 'Object' } = section.constructor ?? {};
  if (name !== 'Object') return name;
  const fields = Object.entries(section)
    .filter(([, value]) => value !== undefined)
    .map(([key, value]) => `${key}: ${describeSection(value)}`);
  return fields.length === 0 ? '{}' : `{ ${fields.join(', ')} }`;
}
