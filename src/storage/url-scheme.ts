/** The scheme of a URL in lower case; `undefined` for a path, which may contain colons. */
export function schemeOf(pathOrUrl: string): string | undefined {
  return /^(file(?=:\/)|[a-z][a-z0-9+.-]+(?=:\/\/))/i.exec(pathOrUrl)?.[1]?.toLowerCase();
}

/** Whether a name is a URL of something other than a local file. */
export function isRemote(pathOrUrl: string | URL): boolean {
  const scheme = schemeOf(String(pathOrUrl));
  return scheme !== undefined && scheme !== 'file';
}
