/** The thread that compiles constraints: one job for each message, answered by what came of it. */
import { parentPort } from 'node:worker_threads';
import { DotsError } from '../core/errors.ts';
import { automatonBuffers } from '../engine/constraint/automaton.ts';
import type { CompiledConstraint } from '../engine/constraint/byte-constraint.ts';
import { type ConstraintSpec, compileSpec } from '../engine/constraint/compile-constraint.ts';
import type { TokenText } from '../engine/constraint/token-texts.ts';

export interface CompileJob {
  readonly spec: ConstraintSpec;
  /** Those that a grammar names. */
  readonly tokens: ReadonlyMap<string, TokenText>;
}

export type CompileResult =
  | { readonly compiled: CompiledConstraint }
  /** A `UsageError`: classes do not pass between threads. */
  | {
      readonly refused: {
        readonly message: string;
        readonly code: string;
        readonly hint: string | undefined;
      };
    }
  | { readonly failed: string };

parentPort?.on('message', ({ spec, tokens }: CompileJob) => {
  try {
    const compiled = compileSpec(spec, (name) => tokens.get(name) ?? { fault: `there is no token ${name}` });
    answer({ compiled }, automatonBuffers(compiled.automaton));
  } catch (error) {
    if (error instanceof DotsError && !error.message.startsWith('internal:')) {
      const { message, code, hint } = error;
      answer({ refused: { message, code, hint } });
    } else answer({ failed: (error as Error).stack ?? String(error) });
  }
});

function answer(result: CompileResult, buffers: ArrayBuffer[] = []): void {
  parentPort?.postMessage(result, buffers);
}
