/** The class of the largest score in each row, the first of equals, as the parties choose it. */
export function predictedClasses(scores: Float64Array, classes: number): number[] {
  return Array.from({ length: scores.length / classes }, (_, i) => {
    const row = scores.subarray(i * classes, (i + 1) * classes);
    return row.indexOf(Math.max(...row));
  });
}
