import { isRemote, schemeOf } from '../../storage/url-scheme.js';

/** The location of a file that the log names relative to the table, with percent codes. */
export function tableLocation(table: string, path: string): string {
  if (isRemote(path) || schemeOf(path) === 'file' || path.startsWith('/')) return path;
  const isUrl = /^https?:/i.test(table);
  return `${table.replace(/\/+$/, '')}/${isUrl ? path : decodeURIComponent(path)}`;
}
