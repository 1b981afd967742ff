/** How images that are classified are scaled: as the model was trained, whatever their files hold. */
import type { ImageSet } from '../data/dataset.ts';
import { Problem } from '../data/problem.ts';
import type { Reading } from '../data/reading.ts';
import { sameScaling, type Scaling, scalingForDepth, scalingInWords } from '../data/scaling.ts';
import { chooseScaling } from '../data/statistics.ts';

/** @param model the scaling that the model says; undefined: it says none */
export function scalingFor(set: ImageSet, model: Scaling | undefined, reading: Reading): Scaling {
  const { divideBy, mean, std } = reading;
  if (mean === 'auto' || std === 'auto') {
    throw new Problem(
      `--${mean === 'auto' ? 'mean' : 'std'} auto: is measured on training images, not on those to classify`,
      'leave it out: a model file says how values were scaled',
    );
  }
  if (divideBy === undefined && mean === undefined && std === undefined) return ofDepth(set, model) ?? set.scaling;
  const asked = chooseScaling(set.images, set, reading, set.name);
  if (model === undefined || sameScaling(asked, model)) return asked;
  throw new Problem(
    `the model was trained on values ${scalingInWords(model)}; these are to be ${scalingInWords(asked)}`,
    'leave --divide-by, --mean, --std and --scaling out: the model says how its images are scaled',
  );
}

/** Files of 8 bits a value have their own whole range where a model was trained on 16. Not the other way round: 16 bits in a file may hold bytes. */
function ofDepth({ images }: ImageSet, model: Scaling | undefined): Scaling | undefined {
  if (model === undefined || !(images instanceof Uint8Array)) return model;
  return scalingForDepth(images, model) ?? model;
}

/** Refuses to begin with a model that was trained on values scaled otherwise. */
export function checkSameScaling(model: Scaling | undefined, data: Scaling, path: string): void {
  if (model === undefined || sameScaling(model, data)) return;
  throw new Problem(
    `--from: ${path} was trained on values ${scalingInWords(model)}; these are ${scalingInWords(data)}`,
    `add --scaling ${path}`,
  );
}
