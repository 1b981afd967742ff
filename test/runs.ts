/** How many cases a property is tried with: a few in every run, as many as SECURENN_FUZZ_RUNS says in a long one. */
export function runs(few: number): { readonly numRuns: number; readonly endOnFailure: true } {
  return { numRuns: Math.max(few, Number(process.env.SECURENN_FUZZ_RUNS ?? 0)), endOnFailure: true };
}
