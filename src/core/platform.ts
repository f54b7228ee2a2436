/** Whether this is Node.js, or what has its files, threads and environment as well. */
export const isNode = typeof process !== 'undefined' && Boolean(process.versions?.node);

/** Environment variables; none in a browser. */
export const environment: Readonly<Record<string, string | undefined>> = isNode ? process.env : {};
