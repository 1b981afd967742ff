/** Which output is followed, and what at its end only rescales the scores: softmax and the like, which change no order. */
import { Problem } from '../data/problem.ts';
import type { Node } from './node.ts';
import { operatorOf } from './operators/table.ts';
import { type GraphProto, TensorProto_DataType as Type, type ValueInfoProto } from './schema.ts';
import { quoted } from './words.ts';

/** What changes no number, and may stand behind a softmax. */
const PASSING: ReadonlySet<string> = new Set(['Identity', 'Cast', 'Flatten', 'Reshape', 'Squeeze']);

/** @returns the value that holds the scores, and what is said of the nodes behind it */
export function endingOf(
  graph: GraphProto,
  nodes: readonly Node[],
  asked: string | undefined,
): { readonly output: string; readonly dropped: readonly string[] } {
  let output = chosenOutput(graph, asked);
  const dropped: string[] = [];
  const passed: string[] = [];
  let current = output;
  const givers = new Map(nodes.flatMap((node) => node.outputs.map((name) => [name, node] as const)));
  for (let steps = 0; steps <= nodes.length; steps++) {
    const node = givers.get(current);
    if (node === undefined || node.inputs.length === 0) break;
    const said = operatorOf(node.domain, node.operator)?.ending?.(node);
    const two = twoClasses(node, givers);
    if (said !== undefined || two !== undefined) {
      dropped.push(...passed.splice(0), two?.said ?? `${node.where}: ${said}`);
      output = current = two?.score ?? node.inputs[0];
    } else if (PASSING.has(node.operator)) {
      passed.push(`${node.where}: behind the scores`);
      current = node.inputs[0];
    } else break;
  }
  return { output, dropped };
}

/** scikit-learn's (1 − p, p): made of the score of one class. */
function twoClasses(
  node: Node,
  givers: ReadonlyMap<string, Node>,
): { readonly score: string; readonly said: string } | undefined {
  if (node.operator !== 'Concat' || node.inputs.length !== 2) return undefined;
  const [other, score] = node.inputs;
  const minus = givers.get(other);
  if (minus?.operator !== 'Sub' || minus.inputs[1] !== score) return undefined;
  return { score, said: `${node.where}: probabilities of two classes, made of one score` };
}

function chosenOutput(graph: GraphProto, asked: string | undefined): string {
  const names = graph.output.map(({ name }) => name);
  const listed = names.map(quoted).join(', ');
  if (asked !== undefined) {
    if (!names.includes(asked))
      throw new Problem(`--output: no output ${quoted(asked)}: it has ${listed}`, 'give one of those');
    return asked;
  }
  if (names.length === 1) return names[0];
  // scikit-learn's first output is the class, its second the probabilities.
  const scores = graph.output.filter(isScores);
  if (scores.length === 1) return scores[0].name;
  throw new Problem(
    `${names.length} outputs: ${listed || 'none'}`,
    'say with --output which holds the scores of the classes',
  );
}

function isScores({ type }: ValueInfoProto): boolean {
  const kind = type?.value;
  if (kind?.case === 'sequenceType') return true;
  const floats: readonly number[] = [Type.FLOAT, Type.DOUBLE, Type.FLOAT16];
  return kind?.case === 'tensorType' && floats.includes(kind.value.elemType);
}
