/** Whether this is Node.js, or what has its files, threads and environment as well. */
export const isNode = typeof process !== 'undefined' && Boolean(process.versions?.node);
