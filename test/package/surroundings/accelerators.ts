// The environment of the snippets in docs/accelerators.md: data, and the parts of the frameworks that the snippets use.
import { ArrayDataset, DataLoader, type Dataset, type Tensor as MillraceTensor, tensor } from 'millrace';
import type { JaxNumpy } from 'millrace/jax';
import type { OnnxTensorClass } from 'millrace/onnx';
import type { TensorFlow } from 'millrace/tfjs';

interface Sample {
  readonly x: MillraceTensor<'float32'>;
  readonly y: MillraceTensor<'int32'>;
}

interface Model {
  fitDataset(dataset: object, options: object): Promise<void>;
  trainOnBatch(x: object, y: object): Promise<void>;
}

const samples = Array.from({ length: 600 }, (_, i) => ({
  x: tensor(Float32Array.of(i, 1, 2)),
  y: tensor(Int32Array.of(i % 10), []),
}));
export const dataset: Dataset<Sample> = new ArrayDataset(samples);
export const loader: DataLoader<Sample> = new DataLoader<Sample>(dataset, { batchSize: 256 });

// CUDA, and a queue of WebGPU.
export const stream: bigint = 0n;
export const launch = (..._values: unknown[]): void => {};
export const submitStep = (_entries: unknown[]): void => {};

/** A package, without its types: these would be checked as strictly as the snippets. */
const untyped = (name: string) => import(name);

const tensorFlow = await untyped('@tensorflow/tfjs');
await tensorFlow.setBackend('cpu');
export const tf: TensorFlow<object> & {
  tidy(scope: () => never): unknown;
  oneHot(labels: object, depth: number): object;
} = tensorFlow;
const sequential = tensorFlow.sequential({
  layers: [tensorFlow.layers.dense({ units: 10, inputShape: [3], activation: 'softmax' })],
});
sequential.compile({ optimizer: 'sgd', loss: 'meanSquaredError' });
export const model: Model = {
  fitDataset: (data, options) => sequential.fitDataset(data, { ...options, verbose: 0 }),
  trainOnBatch: (x, labels) => sequential.trainOnBatch(x, tf.oneHot(labels, 10)),
};

// jax-js asks for a browser's navigator, which Node.js 20 does not have.
if (!('navigator' in globalThis)) Object.assign(globalThis, { navigator: { userAgent: 'Node.js' } });
const jax = await untyped('@jax-js/jax');
await jax.init('wasm');
jax.defaultDevice('wasm');
export const numpy: JaxNumpy = jax.numpy;
export const step = (_x: object, _y: object): void => {};

export const Tensor: OnnxTensorClass<object> = (await untyped('onnxruntime-common')).Tensor;
export const session = {
  run: async ({ image }: { image?: object }): Promise<Record<string, object>> => ({ scores: image! }),
};
