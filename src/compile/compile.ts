import type { Graph } from '../graph/tensor.ts';
import { fuse } from './fuse.ts';
import { planMemory } from './plan-memory.ts';
import type { Program } from './program.ts';
import { schedule } from './schedule.ts';
import { removeUnused } from './simplify.ts';
import { takeRowsEarly } from './take-rows-early.ts';

export interface CompileOptions {
  readonly name: string;
  /** Ops that the backend has a kernel for; a fusion whose result is not among them is not applied. */
  readonly supports: (op: string) => boolean;
}

/** Graph -> Program: drop what nobody reads, compute no row that is not wanted, fuse, order, share memory. */
export function compile(graph: Graph, options: CompileOptions): Program {
  const fused = fuse(takeRowsEarly(removeUnused(graph)), options.supports);
  return planMemory(schedule(removeUnused(fused)), options.name);
}
