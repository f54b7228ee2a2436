/** An object behind a URL: how to ask for it. */
export interface RemoteLocation {
  /** As messages show it: without secrets. */
  readonly name: string;
  /** The request with these headers, complete with credentials. */
  request(headers: Readonly<Record<string, string>>): Promise<Request> | Request;
  /** What to do when it is not allowed. */
  readonly accessAdvice: string;
  /** What the request is for, in messages. @defaultValue `'read'` */
  readonly verb?: 'read' | 'write';
}

/** A URL without what may be secret: user, password and the values of the query. */
export function withoutSecrets(url: URL): string {
  const shown = new URL(url);
  shown.username = '';
  shown.password = '';
  for (const key of shown.searchParams.keys()) shown.searchParams.set(key, '…');
  return decodeURI(shown.href).replaceAll('%E2%80%A6', '…');
}

/** An `http:` or `https:` URL; a user and password in it are sent as basic authentication. */
export function httpLocation(url: URL, headers: Readonly<Record<string, string>> = {}): RemoteLocation {
  const plain = new URL(url);
  const { username, password } = plain;
  plain.username = '';
  plain.password = '';
  const credentials = `${decodeURIComponent(username)}:${decodeURIComponent(password)}`;
  const authorization = username && {
    authorization: `Basic ${btoa(String.fromCodePoint(...new TextEncoder().encode(credentials)))}`,
  };
  return {
    name: withoutSecrets(url),
    request: (more) => new Request(plain, { headers: { ...authorization, ...headers, ...more } }),
    accessAdvice: 'Give the credentials with openSource(url, { headers: { authorization: … } }).',
  };
}
