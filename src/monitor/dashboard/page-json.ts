// JSON has no NaN and no infinities: JSON.stringify writes null, which a page would show as 0. They travel as { "$number": "NaN" }.

const notFinite = '$number';

/** JSON in which every number stays what it is. */
export function toPageJson(value: unknown): string {
  return JSON.stringify(value, (_key, item: unknown) =>
    typeof item === 'number' && !Number.isFinite(item) ? { [notFinite]: String(item) } : item,
  );
}

/** What {@link toPageJson} wrote. */
export function fromPageJson(text: string): unknown {
  return JSON.parse(text, (_key, item: unknown) => {
    if (typeof item !== 'object' || item === null || !Object.hasOwn(item, notFinite)) return item;
    return Number((item as { [notFinite]: unknown })[notFinite]);
  });
}
