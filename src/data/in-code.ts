/**
 * Problems as programs are told of them. The same checks serve the command line and the package, whose options have the same names, written as each
 * writes them: `--first-label` there, `firstLabel` here. What a person would type besides has words of its own for programs (`Problem.fixInCode`).
 */
import { Problem } from './problem.ts';

/** Does what an entry of the package does; its problems speak to a program. */
export function inCode<T>(task: () => T): T {
  try {
    const done = task();
    if (!(done instanceof Promise)) return done;
    return done.catch((error: unknown) => {
      throw spoken(error);
    }) as T;
  } catch (error) {
    throw spoken(error);
  }
}

/** The same error, for it may be of a class of its own. */
function spoken(error: unknown): unknown {
  if (!(error instanceof Problem)) return error;
  const fix = error.fixInCode ?? namesInCode(error.fix);
  return Object.assign(error, { message: namesInCode(error.message), fix });
}

/** An option that is none of a command that is spelt out: those are commands for a program, too. */
const OPTION = /((?:\b(?:securenn|npm|npx) (?:[^;:()]|:(?! ))*)?)(?<![\w-])--([a-z]+(?:-[a-z]+)*)/g;

/** `--first-label` as `firstLabel`. */
export function namesInCode(text: string): string {
  return text.replaceAll(OPTION, (whole: string, command: string, name: string) =>
    command === '' ? name.replaceAll(/-([a-z])/g, (_, letter: string) => letter.toUpperCase()) : whole,
  );
}
