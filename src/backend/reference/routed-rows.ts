/**
 * Expert by expert, so that each row of a matrix is decoded once however many tokens chose it. `routed` are the routed rows
 * r = t·K + k that chose the expert, ascending; experts that nobody chose are left out.
 */
export function forEachExpert(
  experts_TK: Int32Array,
  numExperts: number,
  visit: (expert: number, routed: readonly number[]) => void,
): void {
  for (let expert = 0; expert < numExperts; expert++) {
    const routed: number[] = [];
    experts_TK.forEach((chosen, r) => {
      if (chosen === expert) routed.push(r);
    });
    if (routed.length > 0) visit(expert, routed);
  }
}
