/** The path of a location: of an `http:` URL what stands before its query and fragment, else all of it. */
export function locationPath(location: string): string {
  return partsOf(location)[0];
}

/** The location with another path, and the same query: what grants access to one file often grants access to those beside it. */
export function withPath(location: string, change: (path: string) => string): string {
  const [path, rest] = partsOf(location);
  return `${change(path)}${rest}`;
}

function partsOf(location: string): readonly [path: string, rest: string] {
  // In other URLs and in paths these characters are part of the name.
  const end = /^https?:\/\//i.test(location) ? location.search(/[?#]/) : -1;
  return end === -1 ? [location, ''] : [location.slice(0, end), location.slice(end)];
}
