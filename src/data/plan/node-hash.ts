/** Hashes of nodes: of everything that a table depends on, so that a changed configuration gets a folder of its own. */
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { resolve } from 'node:path';
import { UsageError } from '../../core/errors.ts';
import { hashOf, nodeFolder } from './manifest.ts';
import { inputOf, nodesOf, type Plan, type PlanNode } from './plan.ts';
import { tablesOf } from './query.ts';
import { loadStage } from './stage-list.ts';

/** Raised with every change of the file formats of tables. */
const FORMAT_VERSION = 1;

/** Hash and folder of each node by name. Reads the files that configurations name. Throws `UsageError` where one is missing. */
export async function hashNodes(
  plan: Plan,
): Promise<(node: string, out: string) => { hash: string; folder: string }> {
  const hashes = new Map<string, string>();
  for (const node of nodesOf(plan)) {
    const query = inputOf(node);
    const inputs = (query ? tablesOf(query) : []).map((table) => [table, hashes.get(table.split(':')[0])]);
    hashes.set(node.name, hashOf([FORMAT_VERSION, await ownPart(node, plan), inputs]));
  }
  return (node, out) => {
    const hash = hashes.get(node) as string;
    return { hash, folder: nodeFolder(out, node, hash) };
  };
}

async function ownPart(node: PlanNode, plan: Plan): Promise<unknown> {
  if (node.kind !== 'stage') return node;
  const stage = await loadStage(node.stage);
  const files = stage.files?.(node.config) ?? [];
  const digests = await Promise.all(files.map((file) => digestOf(file, plan.baseFolder)));
  return [node, stage.version, digests];
}

async function digestOf(file: string, baseFolder: string): Promise<string> {
  const hash = createHash('sha256');
  try {
    for await (const chunk of createReadStream(resolve(baseFolder, file)) as AsyncIterable<Buffer>)
      hash.update(chunk);
  } catch (cause) {
    throw new UsageError(`Cannot read ${file}, which the pipeline names: ${(cause as Error).message}`, {
      code: 'file-not-found',
      hint: 'check the spelling; a relative path starts at the folder of the pipeline file',
      cause,
    });
  }
  return hash.digest('hex');
}
