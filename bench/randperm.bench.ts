// The bit-exact port of PyTorch's permutation against PyTorch (part of W1): time, and memory.
import { compare, nodeCommand, peerAdvice, pythonCommand, type Report, type Result } from './measure.js';

export const title = 'TorchGenerator.randperm and torch.randperm, same seed, same numbers';
export const unit = 'elements/s';

export default function run(): Report {
  const results: Result[] = [];
  for (const [n, rounds] of [
    [1e6, 9],
    [1e7, 5],
    [1e8, 3],
  ] as const) {
    const size = n.toLocaleString('en');
    const peer = pythonCommand('randperm.py', n);
    if (!peer) console.error(peerAdvice);
    const contestants = [
      { name: `${size}: Millrace`, command: nodeCommand('randperm.js', n, 'torch') },
      ...(peer ? [{ name: `${size}: torch.randperm`, command: peer }] : []),
      { name: `${size}: swaps alone`, command: nodeCommand('randperm.js', n, 'swaps') },
    ];
    results.push(...compare(contestants, 'rate', rounds));
  }
  return { results, goals: [] };
}
