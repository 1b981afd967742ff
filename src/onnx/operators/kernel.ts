/**
 * Kernels of convolutions in groups and with dilation as kernels over all channels and without gaps: the same answers, with zeros where there was
 * nothing. Weights are secret, zeros among them, so that what is multiplied by zeros is paid for.
 */
import { type Constant, constant } from '../constant.ts';
import { stridesOf } from '../fold.ts';
import type { Node } from '../node.ts';
import type { Context } from '../operator.ts';
import { shown } from '../words.ts';

/** Numbers of an expanded kernel: as many as those of a convolution 3x3 of 1200 channels. */
const MOST_NUMBERS = 2 ** 24;
/** Of an expanded kernel, height and width: gaps longer than any that networks for images have. */
const LONGEST = 1024;

/** W (filters, channels, height, width) over all channels, from the file's (filters, channels / groups, height, width). */
export function wholeKernel(W: Constant, node: Node, context: Context): Constant {
  const [filters, few, height, width] = W.shape;
  const groups = node.integer('group', 1);
  if (!(groups >= 1) || filters % groups !== 0)
    throw node.problem(`groups ${groups}: ${filters} filters do not divide by it`);
  const dilations = node.integers('dilations') ?? [1, 1];
  if (dilations.length !== 2 || dilations.some((dilation) => !(dilation >= 1)))
    throw node.problem(`dilations ${dilations.join(', ')}: expected two for an image`);
  const [tall, wide] = [(height - 1) * dilations[0] + 1, (width - 1) * dilations[1] + 1];
  const shape = [filters, few * groups, tall, wide];
  const times = groups * ((tall * wide) / (height * width));
  if (times === 1) return W;
  const told = wordsOf(W, groups, [tall, wide], dilations);
  const size = shape.reduce((product, extent) => product * extent, 1);
  if (size > MOST_NUMBERS || tall > LONGEST || wide > LONGEST) {
    throw node.problem(
      `${told}: as a kernel ${shown(shape)} it has ${size} numbers, ${MOST_NUMBERS} at most, and sides up to ${LONGEST}, are taken`,
      'train a network with ordinary convolutions, or with fewer channels',
    );
  }
  context.note(
    'expanded',
    `${node.where}: ${told}, zeros between: ${Number(times.toPrecision(2))} times the weights and multiplications`,
  );
  return constant(shape, spread(W, shape, dilations, filters / groups));
}

function spread(
  W: Constant,
  shape: readonly number[],
  [down, across]: readonly number[],
  filtersOfGroup: number,
): Float64Array {
  const [filters, few, height, width] = W.shape;
  const [byFilter, byChannel, byRow] = stridesOf(shape);
  const out = new Float64Array(filters * byFilter);
  let from = 0;
  for (let filter = 0; filter < filters; filter++) {
    const first = Math.floor(filter / filtersOfGroup) * few;
    for (let channel = 0; channel < few; channel++)
      for (let row = 0; row < height; row++)
        for (let column = 0; column < width; column++)
          out[filter * byFilter + (first + channel) * byChannel + row * down * byRow + column * across] =
            W.data[from++];
  }
  return out;
}

function wordsOf(
  { shape: [, few, height, width] }: Constant,
  groups: number,
  [tall, wide]: readonly number[],
  dilations: readonly number[],
): string {
  const kind = few === 1 ? 'a depthwise convolution' : `a convolution in ${groups} groups`;
  const parts = [
    ...(groups === 1 ? [] : [`${kind} became one over all ${few * groups} channels`]),
    ...(tall * wide === height * width
      ? []
      : [`a kernel ${height}x${width} with dilation ${dilations.join('x')} became ${tall}x${wide}`]),
  ];
  return parts.join(' and ');
}
