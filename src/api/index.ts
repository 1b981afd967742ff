/**
 * `securenn`: networks, models, data sets and the plain engine. Everything but what reads or writes files runs in a page, too.
 *
 * @module securenn
 */
import '../client/web/no-eval.ts';

export { Problem } from '../data/problem.ts';
export { initialModel, namedNetwork, networkShapes, parseNetwork, type NetworkName } from './networks.ts';
export { describeModel, formatModel, loadModel, parseModel, saveModel, type ModelDescription } from './models.ts';
export { makeDataset, readDataset, type DatasetValues, type Values } from './data.ts';
export {
  plainInference,
  plainTraining,
  type PlainOptions,
  type PlainPrediction,
  type PlainStep,
  type PlainTest,
  type PlainTrained,
  type PlainTraining,
} from './plain.ts';
export type { CanvasPixels, Image } from '../client/given-values.ts';
export type { Dataset } from '../data/dataset.ts';
export type { Elements } from '../data/elements.ts';
export type { Model } from '../data/model-file.ts';
export type { Augmentation, Reading, Statistic } from '../data/reading.ts';
export type { FloatTensor } from '../data/safetensors.ts';
export type { Scaling } from '../data/scaling.ts';
export type { LayerSpec } from '../nn/layers/table.ts';
export type { Network } from '../nn/network.ts';
