/** Layers side by side: their channels, or the elements of vectors, one behind the other. Local. */
import { alike, truncated } from '../../functions/formats.ts';
import { sameShape, type Shape, sizeOf } from '../../ring/shape.ts';
import { LARGEST, shapeWords } from './fields.ts';
import { type LayerType, throughAll, type Wiring } from './layer.ts';

export interface ConcatSpec extends Wiring {
  readonly type: 'concat';
  readonly from: readonly string[];
}

export const concat: LayerType<ConcatSpec> = {
  type: 'concat',
  about:
    'the layers that `from` lists side by side: channels of images of the same height and width, or elements of vectors; gives `[h, w, Σ channels]` or `[Σ n]`',
  fields: {},
  joins: true,
  words: () => 'concat',
  shape: ({ from }, inputs) => {
    const [first] = inputs;
    const other = inputs.findIndex((shape) => !sameShape(shape.slice(0, -1), first.slice(0, -1)));
    if (other >= 0)
      throw new Error(
        `its inputs differ in more than channels: ${JSON.stringify(from[0])} gives ${shapeWords(first)}, ` +
          `${JSON.stringify(from[other])} gives ${shapeWords(inputs[other])}`,
      );
    const last = inputs.reduce((sum, shape) => sum + shape.at(-1)!, 0);
    if (last > LARGEST) throw new Error(`its inputs have ${last} channels together, ${LARGEST} are allowed`);
    return [...first.slice(0, -1), last];
  },
  forward: (engine, _spec, inputs) => {
    const widths = inputs.map(({ shape }) => shape.at(-1)!);
    const total = widths.reduce((sum, width) => sum + width, 0);
    const rows = (shape: Shape): number => sizeOf(shape.slice(0, -1));
    const shapes = inputs.map((x) => x.shape);
    const [shape] = shapes;
    const parts = alike(engine, inputs).map((x, i) => engine.reshape(x, [rows(shape), widths[i]]));
    const y = engine.reshape(engine.concatColumns(parts), [...shape.slice(0, -1), total]);
    const tape = throughAll(async (fork, delta) => {
      const error = fork.reshape(await truncated(fork, delta), [rows(shape), total]);
      let from = 0;
      return shapes.map((own, i) => fork.reshape(fork.columns(error, from, (from += widths[i])), own));
    });
    return Promise.resolve({ y, tape });
  },
};
