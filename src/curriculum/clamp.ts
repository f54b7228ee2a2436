/** The value, moved to the nearer end when it is outside `min … max`. */
export function clamp(value: number, min: number, max: number): number {
  return Math.min(Math.max(value, min), max);
}
