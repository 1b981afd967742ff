/**
 * Prints the environment in which Dawn finds SwiftShader, a Vulkan device on the CPU, as lines for a shell, and unpacks it at the first
 * call: `eval "$(npx tsx scripts/swiftshader-env.ts)"`. Needs the development dependencies.
 */
import setup from '../test/webgpu/swiftshader.ts';

await setup();
for (const name of ['VK_ICD_FILENAMES', 'LD_LIBRARY_PATH']) {
  const value = process.env[name] ?? '';
  console.log(`export ${name}='${value.replaceAll("'", String.raw`'\''`)}'`);
}
