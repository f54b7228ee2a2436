/** What a text calls a sampler: by its class, where it has one of its own. */
export function samplerTitle(sampler: object | undefined): string {
  const name = sampler?.constructor.name ?? 'none';
  if (name === 'Array') return 'a list of indices';
  return name === 'Object' ? 'a sampler of your own' : name;
}
