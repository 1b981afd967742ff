/** The commands of one machine: trainings and inferences of three parties in processes of its own, their reference, and what it can do. */
import type { Argv as Yargs } from 'yargs';
import { benchOptions, benchTables } from './bench/command.ts';
import { doctor, doctorOptions } from './doctor.ts';
import { estimate, estimateOptions } from './estimate/command.ts';
import { exportCheckpoint, exportOptions } from './export.ts';
import type { Family } from './groups.ts';
import { localInfer } from './infer.ts';
import { localTrainOptions } from './options/checkpoints.ts';
import { inferOptions } from './options/inference.ts';
import { plainTrainOptions } from './options/training.ts';
import { plainTrain } from './plain.ts';
import { localTrain } from './train.ts';

const PROGRESS =
  'While it runs: s/step (or batch) and MB/s are those of the last ten seconds, MB/s sent by the three parties together; ' +
  'compute and wait are shares of their time, all three together. See docs/monitoring.md.';

export const LOCAL: Family = {
  table: {
    'local train': localTrainOptions,
    'local infer': inferOptions,
    'plain train': plainTrainOptions,
    'checkpoint export': exportOptions,
    doctor: doctorOptions,
    estimate: estimateOptions,
    'bench tables': benchOptions,
  },
  add: (parser, exactly, run) =>
    parser
      .command('local', 'All three parties and the owner on this machine, one process each', (local) =>
        exactly(local, 'securenn local')
          .command(
            'train',
            'Train a network on a data set that no party sees',
            (parser: Yargs) =>
              parser
                .options(localTrainOptions)
                .example('$0 local train', 'network A on MNIST, 5 epochs')
                .example('$0 local train --steps 50 --suite paper', "the paper's comparison protocols")
                .example('$0 local train --data DIR --network NET.json', 'your own data and network')
                .example('$0 local train --json -', 'figures for a program to read')
                .example('$0 local train --checkpoint DIR', 'keep checkpoints; after a crash: --resume DIR')
                .example(
                  '$0 local train --metrics 9464 --log-file run.log',
                  'figures for Prometheus, and a log as JSON lines',
                )
                .epilogue(PROGRESS),
            run(localTrain),
          )
          .command(
            'infer',
            'Classify images with a trained model; no party sees either',
            (parser: Yargs) =>
              parser
                .options(inferOptions)
                .example('$0 local infer --model models/A.safetensors', 'the first 128 test images of MNIST')
                .example('$0 local infer --model FILE --images NEW.idx --out classes.csv', 'new images, without labels')
                .example('$0 local infer --model models/A.safetensors --count 10000', 'all of MNIST')
                .epilogue(PROGRESS),
            run(localInfer),
          ),
      )
      .command('plain', 'The same arithmetic in the clear, in one process: the reference', (plain) =>
        exactly(plain, 'securenn plain').command(
          'train',
          'Train as `local train` does, without shares and parties',
          (parser: Yargs) =>
            parser
              .options(plainTrainOptions)
              .example('$0 plain train --seed 7', 'what `local train --seed 7` should reach'),
          run(plainTrain),
        ),
      )
      .command('checkpoint', 'What --checkpoint keeps', (checkpoint) =>
        exactly(checkpoint, 'securenn checkpoint').command(
          'export <DIR>',
          'Save the model of a kept checkpoint, whether the run goes on or not',
          (parser: Yargs) =>
            parser
              .positional('DIR', { type: 'string', describe: 'The folder that --checkpoint named' })
              .options(exportOptions)
              .strict()
              .example('$0 checkpoint export DIR --out model.safetensors', 'the model after the newest step kept'),
          run(exportCheckpoint),
        ),
      )
      .command(
        'doctor',
        'What this machine has for securenn, and whether its kernels compute right',
        (parser: Yargs) =>
          parser
            .options(doctorOptions)
            .example('$0 doctor', 'the GPU and the CPU kernels')
            .example('$0 doctor --json -', 'the same for a program to read'),
        run(doctor),
      )
      .command(
        'estimate <NETWORK>',
        'Rounds, bytes, time and memory of training and inference, from declared costs, without running either',
        (parser: Yargs) =>
          parser
            .positional('NETWORK', {
              type: 'string',
              describe: 'A, B, C, D, another name of docs/networks.md, or a JSON file',
            })
            .options(estimateOptions)
            .strict()
            .example('$0 estimate C --link wan', "network C on the paper's WAN")
            .example('$0 estimate NET.json --link 20:125 --json -', 'your own network, for a program to read'),
        run(estimate),
      )
      .command('bench', 'Measurements beside published figures', (bench) =>
        exactly(bench, 'securenn bench').command(
          'tables',
          "The paper's Tables 3, 6, 7 and 8, on links shaped as its LAN and WAN",
          (parser: Yargs) =>
            parser
              .options(benchOptions)
              .example('$0 bench tables --quick', 'all four, in 5 minutes at most')
              .example('$0 bench tables --tables 7 --out DIR', 'inference alone'),
          run(benchTables),
        ),
      ),
};
