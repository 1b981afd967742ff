/** Model files of other kinds than those that are read: what they are, and the lines of Python that write one that is. */
import { formatOf } from '../data/format.ts';
import { Problem } from '../data/problem.ts';

const TORCH = `model.eval()
x = torch.zeros(1, 1, 28, 28)  # one sample
torch.onnx.export(model, (x,), "model.onnx", dynamo=True, external_data=False)`;

const KERAS = `model = keras.models.load_model("model.keras")
signature = [tf.TensorSpec((None, *model.input_shape[1:]), tf.float32, name="x")]
run = tf.function(lambda x: model(x, training=False), input_signature=signature)
tf2onnx.convert.from_function(run, input_signature=signature, opset=17, output_path="model.onnx")`;

const indented = (lines: string): string => lines.replaceAll(/^/gm, '  ');
const latin = new TextDecoder('latin1');

/** Refuses what holds a model in a form that only its own program reads. */
export function refuseForeign(bytes: Uint8Array, source: string): void {
  // A header of 640 bytes, say, has a length that begins as a pickle does.
  if (isSafetensors(bytes)) return;
  const [known, holds] = [formatOf(bytes), (text: string): boolean => latin.decode(bytes).includes(text)];
  if (known === undefined || known === 'text') return;
  const zip = known.startsWith('a zip archive');
  if ((zip && holds('/data.pkl')) || known === 'a Python pickle') {
    throw new Problem(
      `${source}: a file of PyTorch (.pt, .pth): it holds Python objects, which only Python can read`,
      `write it as ONNX, in Python:\n${indented(TORCH)}\nor, of a state_dict, its weights alone, and import them with --network:\n` +
        '  safetensors.torch.save_file(state_dict, "weights.safetensors")',
    );
  }
  if ((zip && holds('model.weights.h5')) || known.startsWith('an HDF5 file'))
    throw new Problem(`${source}: a model of Keras`, `write it as ONNX, in Python:\n${indented(KERAS)}`);
  throw new Problem(`${source}: no model: it is ${known}`, 'give an ONNX or a safetensors file (docs/onnx.md)');
}

/** A length of a header, and a JSON object. */
export function isSafetensors(bytes: Uint8Array): boolean {
  if (bytes.length < 10 || bytes[8] !== 0x7b) return false;
  const length = new DataView(bytes.buffer, bytes.byteOffset, 8).getBigUint64(0, true);
  return length <= BigInt(bytes.length - 8);
}
