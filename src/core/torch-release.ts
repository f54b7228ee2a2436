/** A release of PyTorch whose behavior is reproduced where releases differ. */
export type TorchRelease = '1.13' | '2.13';

/** Every {@link TorchRelease}. The first one is the default everywhere. */
export const torchReleases = ['2.13', '1.13'] as const satisfies readonly TorchRelease[];
