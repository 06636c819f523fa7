/**
 * Which type each tensor gets, so that an objective is least within a budget of bytes. The objective is concave in sums over
 * tensors (a choice of experts changes as the square root of a variance), so a plane that touches it bounds it from above, and
 * the best choice below that plane improves on the point where it touches: planes in turn, each a knapsack problem with one
 * choice a tensor, which its Lagrangian solves up to one tensor. Changes of one and of two tensors then finish the work.
 */
import {
  type Assignment,
  addChoice,
  type Choice,
  type Objective,
  type TensorChoices,
  type Totals,
  totalsOf,
} from './predicted-divergence.ts';

export interface Budget {
  /** Bytes of all tensors together. */
  readonly bytes: number;
  /** Bytes that one token reads. */
  readonly readBytes: number;
  /** What a file, or a token, takes besides these tensors: where sizes are named, they are those that the user gave. */
  readonly besides?: { readonly bytes: number; readonly readBytes: number };
}

export interface Solution {
  readonly assignment: Assignment;
  readonly totals: Totals;
  readonly value: number;
}

/** The smallest files that there are; undefined where one of the budgets is below. Both at once: each choice smallest first. */
export function smallestTotals(tensors: readonly TensorChoices[]): Totals {
  return totalsOf(
    tensors,
    tensors.map(() => 0),
  );
}

const MAX_PLANES = 30;
const NUM_STARTS = 4;

/** The smallest choice of every tensor must be within the budget. */
export function solveTypes(
  tensors: readonly TensorChoices[],
  budget: Budget,
  objective: Objective,
): Solution {
  const smallest = tensors.map(() => 0);
  const largest = tensors.map(({ choices }) => choices.length - 1);
  // Planes lead to a minimum, not to the least one, so they begin in several places.
  const starts = Array.from({ length: NUM_STARTS }, (_, k) =>
    largest.map((last) => Math.round((last * k) / (NUM_STARTS - 1))),
  );
  let best: Solution | undefined;
  for (const start of starts) {
    let touch = totalsOf(tensors, start);
    let found: Solution | undefined;
    for (let plane = 0; plane < MAX_PLANES; plane++) {
      const slopes = objective.slopes(touch);
      const costs = tensors.map(({ choices }) => choices.map((choice) => costOf(choice, slopes)));
      const assignment = belowPlane(tensors, costs, budget) ?? smallest;
      const next = solutionOf(tensors, assignment, objective);
      if (found && next.value >= found.value * (1 - 1e-9)) break;
      found = next;
      touch = next.totals;
    }
    const done = improve(tensors, (found as Solution).assignment, budget, objective);
    if (!best || done.value < best.value) best = done;
  }
  return best as Solution;
}

function solutionOf(
  tensors: readonly TensorChoices[],
  assignment: Assignment,
  objective: Objective,
): Solution {
  const totals = totalsOf(tensors, assignment);
  return { assignment, totals, value: objective.value(totals) };
}

function costOf(
  { likelihood, variances, outputError }: Choice,
  slopes: ReturnType<Objective['slopes']>,
): number {
  let cost = slopes.likelihood * likelihood + slopes.outputError * outputError;
  for (let l = 0; l < variances.length; l++) cost += slopes.variances[l] * variances[l];
  return cost;
}

/**
 * Least Σ cost + λ·bytes + μ·readBytes of each tensor by itself, for the smallest λ and μ that keep to the budget. Undefined
 * where no prices do (a token can read less than the budget only of choices that are not its cheapest).
 */
function belowPlane(
  tensors: readonly TensorChoices[],
  costs: readonly (readonly number[])[],
  { bytes, readBytes }: Budget,
): Assignment | undefined {
  const at = (lambda: number, mu: number): number[] =>
    tensors.map(({ choices }, i) => {
      let best = 0;
      let least = Number.POSITIVE_INFINITY;
      for (const [t, choice] of choices.entries()) {
        const price = costs[i][t] + lambda * choice.bytes + mu * choice.readBytes;
        if (price < least) [best, least] = [t, price];
      }
      return best;
    });
  const bytesOf = (assignment: Assignment): number => totalsOf(tensors, assignment).bytes;
  const readOf = (assignment: Assignment): number => totalsOf(tensors, assignment).readBytes;
  // One price for a byte of the file, and with each price of a byte read the one that keeps to both.
  const within = (mu: number): Assignment | undefined => {
    const lambda = leastPrice((price) => bytesOf(at(price, mu)) <= bytes);
    return lambda === undefined ? undefined : at(lambda, mu);
  };
  const mu = leastPrice((price) => {
    const found = within(price);
    return found !== undefined && readOf(found) <= readBytes;
  });
  return mu === undefined ? undefined : within(mu);
}

/** The smallest of 0 and the powers of two and between, to a part in 10⁶, for which a condition holds that larger ones keep. */
function leastPrice(holds: (price: number) => boolean): number | undefined {
  if (holds(0)) return 0;
  let high = 2 ** -80;
  while (!holds(high)) {
    high *= 4;
    if (high > 2 ** 80) return undefined;
  }
  let low = high / 4;
  while (high / low > 1 + 1e-6) {
    const middle = Math.sqrt(low * high);
    if (holds(middle)) high = middle;
    else low = middle;
  }
  return high;
}

interface Move {
  readonly tensor: number;
  readonly to: number;
  readonly bytes: number;
  readonly readBytes: number;
  /** Of the plane. */
  readonly gain: number;
}

const MAX_ROUNDS = 200;
/** Moves of each kind that are tried together with those of the other. */
const MAX_MOVES = 2000;

/** Takes the best change of one tensor, or of two, until none helps. */
export function improve(
  tensors: readonly TensorChoices[],
  start: Assignment,
  { bytes, readBytes }: Budget,
  objective: Objective,
): Solution {
  const assignment = [...start];
  const totals = totalsOf(tensors, assignment);
  let value = objective.value(totals);
  const apply = ({ tensor, to }: Move): void => {
    const { choices } = tensors[tensor];
    addChoice(totals, choices[assignment[tensor]], -1);
    addChoice(totals, choices[to], 1);
    assignment[tensor] = to;
  };
  for (let round = 0; round < MAX_ROUNDS; round++) {
    const { larger, smaller } = movesFrom(tensors, assignment, objective.slopes(totals));
    const room = { bytes: bytes - totals.bytes, readBytes: readBytes - totals.readBytes };
    const pair = bestPair(larger, smaller, room);
    if (!pair) break;
    const before = [...assignment];
    for (const move of pair) apply(move);
    const next = objective.value(totals);
    if (next >= value * (1 - 1e-9)) {
      // The plane promised what the objective does not keep.
      return solutionOf(tensors, before, objective);
    }
    value = next;
  }
  return solutionOf(tensors, assignment, objective);
}

function movesFrom(
  tensors: readonly TensorChoices[],
  assignment: Assignment,
  slopes: ReturnType<Objective['slopes']>,
): { larger: Move[]; smaller: Move[] } {
  const moves: Move[] = tensors.flatMap(({ choices }, tensor) => {
    const now = choices[assignment[tensor]];
    const cost = costOf(now, slopes);
    return choices.map((choice, to) => ({
      ...{ tensor, to, gain: cost - costOf(choice, slopes) },
      bytes: choice.bytes - now.bytes,
      readBytes: choice.readBytes - now.readBytes,
    }));
  });
  const byGain = (a: Move, b: Move): number => b.gain - a.gain;
  return {
    larger: moves
      .filter(({ gain }) => gain > 0)
      .sort(byGain)
      .slice(0, MAX_MOVES),
    smaller: moves
      .filter(({ gain, bytes, readBytes }) => gain <= 0 && (bytes < 0 || readBytes < 0))
      .sort(byGain)
      .slice(0, MAX_MOVES),
  };
}

/** The one or two moves with the largest gain that fit into the room; `larger` and `smaller` are sorted by gain. */
function bestPair(
  larger: readonly Move[],
  smaller: readonly Move[],
  room: { readonly bytes: number; readonly readBytes: number },
): readonly Move[] | undefined {
  let best: readonly Move[] | undefined;
  let most = 0;
  for (const move of larger) {
    if (move.gain <= most) break;
    if (move.bytes <= room.bytes && move.readBytes <= room.readBytes) {
      [best, most] = [[move], move.gain];
      continue;
    }
    for (const other of smaller) {
      const gain = move.gain + other.gain;
      if (gain <= most) break;
      if (other.tensor === move.tensor) continue;
      if (move.bytes + other.bytes > room.bytes || move.readBytes + other.readBytes > room.readBytes)
        continue;
      [best, most] = [[move, other], gain];
      break;
    }
  }
  return best;
}
