/**
 * For scripts/try-package.mjs, in a project in which the package is installed: three parties that serve a small network under the title `digits` to
 * anyone, from pages of the origins given, until standard input ends. Their federation file goes where Vite's pages find it.
 */
import console from 'node:console';
import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import process from 'node:process';
import { makeDataset, parseNetwork, readDataset } from 'securenn';
import { startFederation } from 'securenn/server';

const IMAGES = 3200;

const local = await startFederation({ settings: { pages: process.argv.slice(2) } });
try {
  const { trainImages, trainLabels } = await readDataset('mnist');
  const [images, labels] = [trainImages.subarray(0, 28 * 28 * IMAGES), trainLabels.subarray(0, IMAGES)];
  const data = makeDataset({ shape: [28, 28], images, labels, classes: 10 });
  const layers = [{ type: 'flatten' }, { type: 'dense', units: 10 }];
  const network = parseNetwork({ name: 'small', input: [28, 28, 1], layers });
  await local.serve({ title: 'digits', network, data, steps: 50, batch: 64, clients: 'anyone', reveal: 'scores' });
  await writeFile('public/federation.json', local.federation);
  console.log('serving');
  await once(process.stdin.resume(), 'end');
} finally {
  await local.close();
}
