const form =
  /^(\d{4}-\d{2}-\d{2})(?:[ T](\d{2})(?::?(\d{2})(?::?(\d{2})(?:\.(\d{1,9}))?)?)?(Z|[+-]\d{2}(?::?\d{2})?)?)?$/;

/**
 * The time of a text in the form that Arrow reads, `2020-01-31`, `2020-01-31 10:11:12` or `2020-01-31T10:11Z`; `undefined` for
 * another form. A time without zone is one of UTC.
 *
 * @param maxDigits - Most digits of the fraction of a second.
 */
export function timeOf(text: string, maxDigits = 0): Date | undefined {
  const [, day, hour = '00', minute = '00', second = '00', fraction = '', zone = 'Z'] = form.exec(text) ?? [];
  if (day === undefined || fraction.length > maxDigits) return undefined;
  const offset =
    zone === 'Z'
      ? 'Z'
      : zone.replace(/^([+-]\d{2}):?(\d{2})?$/, (_, hours, minutes = '00') => `${hours}:${minutes}`);
  const time = new Date(`${day}T${hour}:${minute}:${second}.${fraction.slice(0, 3).padEnd(3, '0')}${offset}`);
  // `Date` reads February 30 as March 1.
  const isReal = new Date(`${day}T00:00:00Z`).toJSON()?.startsWith(day) ?? false;
  return isReal && !Number.isNaN(time.getTime()) ? time : undefined;
}
