/**
 * A path or URL for display: without user name, password, values of the query, and fragment. Paths are unchanged. In
 * `s3:`, `gs:`, `az:` and `hf:` URLs `?` and `#` are characters of the key, so only `name=value` parts are hidden there.
 */
export function shownLocation(location: string | URL): string {
  const text = String(location);
  const [, scheme, rest] = /^([a-z][a-z0-9+.-]*):\/\/([\s\S]*)$/i.exec(text) ?? [];
  if (scheme === undefined || rest === undefined) return text;
  return `${scheme}://${withoutQuery(withoutUser(rest), /^(s3|gs|az|hf|file)$/i.test(scheme))}`;
}

/** A text in which every URL is replaced by its {@link shownLocation}. */
export function withoutSecrets(text: string): string {
  if (!text.includes('://')) return text;
  return text.replace(/\b[a-z][a-z0-9+.-]*:\/\/[^\s"'<>`]*[^\s"'<>`).,;:]/gi, shownLocation);
}

function withoutUser(rest: string): string {
  const authority = rest.slice(0, rest.search(/[/?#]|$/));
  if (authority.includes('@')) return rest.slice(authority.lastIndexOf('@') + 1);
  // A password may contain a slash: the part before it is then not a host with a port.
  const isHost = /^(\[[^\]]*\]|[^:]*)(:\d*)?$/.test(authority);
  if (isHost) return rest;
  // A password may also contain a space, at which the URL was cut out of the text.
  return rest.includes('@') ? rest.slice(rest.lastIndexOf('@') + 1) : '…';
}

function withoutQuery(rest: string, keyMayHoldMarks: boolean): string {
  const end = keyMayHoldMarks ? -1 : rest.indexOf('#');
  const plain = end === -1 ? rest : rest.slice(0, end);
  const start = plain.indexOf('?');
  const fragment = end === -1 || end === rest.length - 1 ? '' : '#…';
  if (start === -1) return plain + fragment;
  const parts = plain.slice(start + 1).split('&');
  const shown = parts.map((part) => {
    const [, name] = /^([\w.~%[\]-]+)=/.exec(part) ?? [];
    if (name !== undefined) return `${name}=…`;
    return keyMayHoldMarks || part === '' ? part : '…';
  });
  return `${plain.slice(0, start)}?${shown.join('&')}${fragment}`;
}
