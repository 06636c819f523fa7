import type { Graph } from '../graph/tensor.ts';
import { fuse } from './fuse.ts';
import { planMemory } from './plan-memory.ts';
import type { Program } from './program.ts';
import { schedule } from './schedule.ts';
import { removeUnused } from './simplify.ts';
import { takeRowsEarly } from './take-rows-early.ts';
import { verifyGraph, verifyProgram } from './verify.ts';

export interface CompileOptions {
  readonly name: string;
  /** Ops that the backend has a kernel for; a fusion whose result is not among them is not applied. */
  readonly supports: (op: string) => boolean;
}

/** Graph -> Program: drop unused nodes, compute only requested rows, fuse, order, share memory. */
export function compile(graph: Graph, options: CompileOptions): Program {
  const fuseSupported = (before: Graph): Graph => fuse(before, options.supports);
  verifyGraph(graph, 'trace');
  let current = graph;
  for (const pass of [removeUnused, takeRowsEarly, fuseSupported, removeUnused, schedule]) {
    current = pass(current);
    verifyGraph(current, pass.name);
  }
  const program = planMemory(current, options.name);
  verifyProgram(current, program);
  return program;
}
