/** The commands of the command line: what each is called, takes and runs. */
import yargs, { type Argv as Yargs } from 'yargs';
import { VERSION } from '../data/packages.ts';
import { benchOptions, benchTables } from './bench/command.ts';
import { localTrainOptions } from './options/checkpoints.ts';
import { doctor, doctorOptions } from './doctor.ts';
import { exportCheckpoint, exportOptions } from './export.ts';
import { localInfer } from './infer.ts';
import { MEMBER_COMMANDS, MEMBER_GROUPS } from './federated/commands.ts';
import { OPERATOR_COMMANDS, OPERATOR_GROUPS } from './federation/commands.ts';
import { addCommands, tableOf } from './groups.ts';
import { estimate, estimateOptions } from './estimate/command.ts';
import { inferOptions } from './options/inference.ts';
import { plainTrainOptions } from './options/training.ts';
import { mistake, type CommandTable } from './mistakes.ts';
import { plainTrain } from './plain.ts';
import { localTrain } from './train.ts';
import type { Argv } from './options/values.ts';

/** `given`: whether an option was typed; what argv has may be its default. */
type Run = (argv: Argv, signal: AbortSignal, given: (option: string) => boolean) => Promise<void>;

const PROGRESS =
  'While it runs: s/step (or batch) and MB/s are those of the last ten seconds, MB/s sent by the three parties together; ' +
  'compute and wait are shares of their time, all three together. See docs/monitoring.md.';

const TABLE: CommandTable = {
  'local train': localTrainOptions,
  'local infer': inferOptions,
  'plain train': plainTrainOptions,
  doctor: doctorOptions,
  estimate: estimateOptions,
  'bench tables': benchOptions,
  ...tableOf(OPERATOR_GROUPS, OPERATOR_COMMANDS),
  ...tableOf(MEMBER_GROUPS, MEMBER_COMMANDS),
};

/** The parser. Nothing is printed but help; what is wrong is thrown. */
export function commands(signal: AbortSignal): Yargs {
  const parser = yargs();
  const given = (argv: Argv, option: string): boolean => {
    const parsed = parser.parsed as { readonly defaulted?: Readonly<Record<string, boolean>> } | false;
    return option in argv && !(parsed && parsed.defaulted?.[option]);
  };
  const run = (command: Run) => (argv: object) =>
    command(argv as Argv, signal, (option) => given(argv as Argv, option));
  const exactly = (parser: Yargs, path: string): Yargs =>
    parser.demandCommand(1, 1, `${path}: say what to do`, `${path}: too many words`).strict();

  exactly(parser, 'securenn');
  addCommands(parser, { groups: OPERATOR_GROUPS, alone: OPERATOR_COMMANDS }, exactly, run);
  return addCommands(parser, { groups: MEMBER_GROUPS, alone: MEMBER_COMMANDS }, exactly, run)
    .scriptName('securenn')
    .usage('$0 <command>\n\nSecure training and inference of neural networks among three parties.')
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
    )
    .parserConfiguration({
      'camel-case-expansion': false,
      'dot-notation': false,
      'parse-numbers': false,
      'short-option-groups': false,
    })
    .wrap(Math.min(120, process.stdout.columns ?? 100))
    .version(VERSION)
    .help()
    .alias({ version: 'v', help: 'h' })
    .exitProcess(false)
    .fail((message, error) => {
      const parsed = parser.parsed as { readonly argv: { readonly _: readonly (string | number)[] } } | false;
      // An error of the parser itself has no more than its text.
      if (error && error.name !== 'YError') throw error;
      throw mistake(error?.message ?? message, parsed ? parsed.argv._.map(String) : [], TABLE);
    });
}
