/** The path of a location: for an `http:` URL the part before query and fragment, otherwise all of it. */
export function locationPath(location: string): string {
  return partsOf(location)[0];
}

/** Replaces the path of a location and keeps the query: a signature for one file often covers its neighbors. */
export function withPath(location: string, change: (path: string) => string): string {
  const [path, rest] = partsOf(location);
  return `${change(path)}${rest}`;
}

function partsOf(location: string): readonly [path: string, rest: string] {
  // In other URLs and in paths, these characters are part of the name.
  const end = /^https?:\/\//i.test(location) ? location.search(/[?#]/) : -1;
  return end === -1 ? [location, ''] : [location.slice(0, end), location.slice(end)];
}
