/** A pipeline must not write over what it reads, nor twice to one file. */
import { realpath } from 'node:fs/promises';
import { resolve } from 'node:path';
import { UsageError } from '../../core/errors.ts';
import type { Plan } from '../plan/plan.ts';

/**
 * Throws one `UsageError` (`same-output`) for outputs that are an input or a tokenizer of the pipeline, or that two steps would
 * write. `out` is where relative paths of outputs start.
 */
export async function checkPipelineOutputs({ steps, baseFolder }: Plan, out: string): Promise<void> {
  const nodes = steps.flatMap((step) => step.nodes);
  const read = new Set<string>();
  for (const node of nodes) {
    if (node.kind === 'scan')
      for (const { path } of node.rows) read.add(await realPathOf(resolve(baseFolder, String(path))));
    if (node.kind === 'write' && node.options.tokenizer !== undefined)
      read.add(await realPathOf(resolve(baseFolder, String(node.options.tokenizer))));
  }
  const written = new Set<string>();
  const problems: string[] = [];
  for (const node of nodes) {
    if (node.kind !== 'write') continue;
    const path = await realPathOf(resolve(out, node.path));
    if (read.has(path)) problems.push(`${node.path} (${node.format}) is what the pipeline reads`);
    if (written.has(path)) problems.push(`${node.path} (${node.format}) is written twice`);
    written.add(path);
  }
  if (problems.length === 0) return;
  throw new UsageError(`Cannot write the outputs of the pipeline: ${problems.join('; ')}`, {
    code: 'same-output',
    hint: 'give each output a name of its own; relative ones start at the output folder',
  });
}

async function realPathOf(path: string): Promise<string> {
  return await realpath(path).catch(() => path);
}
