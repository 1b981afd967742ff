/** Where branches of a network meet: sums and concatenations. */
import { axisOf, joined } from '../fold.ts';
import type { Node } from '../node.ts';
import { type Context, given, type Inputs, type Operator, tensorAt, unpadded } from '../operator.ts';
import { alone, type Axis, extentOf, inOrder, layoutOf, orderOf, shapeOf, type Tensor } from '../tensor.ts';
import { shown } from '../words.ts';

/** Values brought to the same layout: as images, or all as vectors. */
function alike(values: readonly Tensor[], node: Node, context: Context): Tensor[] {
  values.forEach((x) => unpadded(x, node));
  const vectors = values.some(({ vector }) => vector);
  return vectors ? values.map((x) => context.flattened(node, x)) : [...values];
}

export function sumOf(values: readonly Tensor[], node: Node, context: Context): Tensor {
  const all = alike(values, node, context);
  const [first] = all;
  const shapes = all.map((x) => shown(shapeOf(x)));
  if (new Set(shapes).size > 1)
    throw node.problem(`sums of ${shapes.join(' and ')}`, 'values of the same shape are added, and constants');
  if (all.some((x) => layoutOf(x) !== layoutOf(first)))
    throw node.problem('values whose axes lie in different orders', 'leave out what permutes the axes of one of them');
  const layer = context.layer(
    node,
    all.map(({ source }) => source),
    { type: 'add' },
  );
  return { ...first, source: layer };
}

/** Of channels of images, or of vectors. */
function concat(inputs: Inputs, node: Node, context: Context): Tensor[] {
  const parts = inputs.map((_, i) => tensorAt(inputs, i, node));
  if (parts.length === 1) return parts;
  const axis = axisOf(node.integer('axis', 1), parts[0].dims.length, node.where);
  // What the file has flattened is joined as vectors.
  const flat = parts.every((x) => x.dims[axis]?.length === alone(...x.axes).length);
  const all = flat ? parts.map((x) => context.flattened(node, x)) : alike(parts, node, context);
  const [first] = all;
  const shapes = all.map(shapeOf);
  const same = shapes.every(
    (shape) =>
      shape.length === shapes[0].length && shape.every((extent, i) => i === axis || i === 0 || extent === shapes[0][i]),
  );
  const inner = (x: Tensor): readonly Axis[] => (x.vector ? x.axes : x.axes.slice(2));
  const whole = all.every(
    (x) => x.dims[axis].length === alone(...inner(x)).length && x.dims[axis].every((a) => inner(x).includes(a)),
  );
  if (!same || axis === 0 || !whole || all.some((x) => outer(x, axis) !== outer(first, axis))) {
    throw node.problem(
      `axis ${axis} of ${shapes.map(shown).join(' and ')}`,
      'images of one size are joined along their channels, vectors along their elements',
    );
  }
  // Where the file counts a part in another order than it lies in, so it counts the whole.
  const order = new Uint32Array(all.reduce((sum, x) => sum + extentOf(inner(x)), 0));
  let [at, base] = [0, 0];
  for (const x of all) {
    const own = x.vector ? orderOf(x, axis, node.where) : Uint32Array.from({ length: inner(x)[0].size }, (_, i) => i);
    for (const index of own) order[at++] = base + index;
    base += own.length;
  }
  const joint: Axis = { size: order.length, ...(!inOrder(order) && { order }) };
  const layer = context.layer(
    node,
    all.map(({ source }) => source),
    { type: 'concat' },
  );
  const axes = first.vector ? [joint] : [...first.axes.slice(0, 2), joint];
  return [
    given(
      layer,
      axes,
      first.dims.map((dim, i) => (i === axis ? alone(joint) : dim)),
    ),
  ];
}

/** The layout of all but one of the file's axes. */
function outer(x: Tensor, axis: number): string {
  return layoutOf({ ...x, dims: x.dims.map((dim, i) => (i === axis ? [] : dim)) });
}

export const JOINS: readonly Operator[] = [
  {
    name: 'Concat',
    versions: [4, 11, 13],
    becomes: 'concat, of channels of images or of vectors',
    tensors: concat,
    constants: (inputs, node) => {
      const parts = inputs.filter((value) => value !== undefined);
      if (parts.length !== inputs.length || parts.length === 0) throw node.problem('an input is missing');
      return [joined(parts, axisOf(node.integer('axis', 0), parts[0].shape.length, node.where), node.where)];
    },
  },
];
