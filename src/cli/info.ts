import { formatBytes, formatCount, formatParameters } from '../core/units.ts';
import { f16, storageBytes } from '../dtype/index.ts';
import { cachePageBytes, inferenceGraph } from '../engine/inference-graph.ts';
import { availableMemory, memoryWarning } from '../engine/memory-check.ts';
import { type ModelFiles, openModelFiles } from '../engine/model-files.ts';
import type { StoredTensor } from '../format/stored-tensor.ts';
import { PAGE_SIZE } from '../graph/ops/cached-attention.ts';
import type { ModelConfig } from '../model/architecture.ts';
import { architectureOf } from '../model/architectures.ts';
import { bindWeights } from '../model/bind-weights.ts';
import { countParameters } from '../model/weights.ts';
import type { SamplingDefaults } from '../text/sampling-defaults.ts';
import type { CommonFlags } from './options.ts';
import { printable } from './printable.ts';
import { findWithoutDownload } from './resolve-model.ts';
import type { Session } from './session.ts';
import { table } from './table.ts';

export interface InfoFlags extends CommonFlags {
  readonly tensors?: boolean;
}

/** `dots info`: what is in a model's files. Reads headers only. */
export async function info(session: Session, model: string | undefined, flags: InfoFlags): Promise<void> {
  const opened = await openHeaders(session, model, flags);
  const { files } = opened;
  try {
    // Incomplete files are refused here as they are everywhere; `info` of a broken download must not look fine.
    const { unused } = bindWeights(files.config, files.tensors, files.format, files.origin);
    if (unused.length > 0)
      session.warn(
        `${formatCount(unused.length)} tensors are not part of this architecture, e.g. ${unused[0]}`,
      );
    const availableBytes = await availableMemory();
    const facts = collect(files, availableBytes);
    const cacheBytes = facts.memory.cacheBytesPerToken * Math.min(files.config.contextLength, 4096);
    const need = { name: files.origin, weightBytes: facts.memory.weightBytes, cacheBytes };
    const warning = memoryWarning(need, availableBytes);
    if (warning !== undefined) session.warn(warning);
    const tensors = [...files.tensors.values()];
    if (flags.json) await session.json({ ...facts, ...(flags.tensors && { tensors: tensors.map(plain) }) });
    else {
      for (const line of describe(facts, session)) await session.line(line);
      if (flags.tensors) for (const line of listTensors(tensors)) await session.line(line);
    }
  } finally {
    await files.close();
    opened.close();
  }
}

/** A model of the hub that is not in the cache is read there: its headers alone, by ranges. */
async function openHeaders(
  session: Session,
  model: string | undefined,
  flags: InfoFlags,
): Promise<{ readonly files: ModelFiles; close(): void }> {
  const options = { onWarning: (message: string) => session.warn(message) };
  const found = await findWithoutDownload(session, model, flags);
  if (typeof found === 'string') return { files: await openModelFiles(found, options), close: () => {} };
  try {
    return { files: await openModelFiles(found.model, options), close: () => found.close() };
  } catch (error) {
    found.close();
    throw error;
  }
}

interface Facts {
  readonly architecture: string;
  readonly name: string;
  readonly format: 'gguf' | 'hf';
  readonly config: ModelConfig;
  readonly parameters: { readonly total: number; readonly active: number };
  readonly fileBytes: number;
  /** Of the weights alone, without header and padding. */
  readonly bitsPerWeight: number;
  readonly tensorTypes: Readonly<Record<string, number>>;
  readonly numTensors: number;
  readonly memory: {
    readonly weightBytes: number;
    readonly cacheBytesPerToken: number;
    /** On this machine, now. */
    readonly availableBytes: number | null;
  };
  readonly tokenizer: {
    readonly vocabSize: number;
    readonly numRealTokens: number;
    readonly bos: number | null;
    readonly eos: readonly number[];
  } | null;
  readonly chatTemplate: 'file' | 'built-in';
  /** What the files recommend; requests and flags override it. */
  readonly samplingDefaults: SamplingDefaults;
}

function collect(files: ModelFiles, availableBytes: number | undefined): Facts {
  const { config, tokenizer } = files;
  const parameters = countParameters(config);
  const tensorTypes: Record<string, number> = {};
  let weightBytes = 0;
  for (const tensor of files.tensors.values()) {
    const { name } = typeInFile(tensor);
    tensorTypes[name] = (tensorTypes[name] ?? 0) + bytesInFile(tensor);
    weightBytes += tensor.sizeBytes;
  }
  const storedBytes = Object.values(tensorTypes).reduce((a, b) => a + b, 0);
  return {
    architecture: config.architecture,
    name: files.name,
    format: files.format,
    config,
    parameters,
    fileBytes: files.fileBytes,
    bitsPerWeight: (8 * storedBytes) / parameters.total,
    tensorTypes,
    numTensors: files.tensors.size,
    memory: {
      weightBytes,
      cacheBytesPerToken: cacheBytesPerToken(config),
      availableBytes: availableBytes ?? null,
    },
    tokenizer: tokenizer
      ? {
          vocabSize: tokenizer.vocabSize,
          numRealTokens: tokenizer.numRealTokens,
          bos: tokenizer.special.bos ?? null,
          eos: tokenizer.special.eos,
        }
      : null,
    chatTemplate: files.chatTemplate.isFallback ? 'built-in' : 'file',
    samplingDefaults: files.samplingDefaults,
  };
}

/** Keys and values of all layers in f16. */
function cacheBytesPerToken(config: ModelConfig): number {
  return cachePageBytes(inferenceGraph(config, 1), f16) / PAGE_SIZE;
}

function describe(facts: Facts, session: Session): string[] {
  const { config, parameters, memory, tokenizer } = facts;
  const types = Object.entries(facts.tensorTypes).sort(([, a], [, b]) => b - a);
  const stored = types.reduce((sum, [, sizeBytes]) => sum + sizeBytes, 0);
  const share = (sizeBytes: number): string => `${((100 * sizeBytes) / stored).toFixed(1)}%`;
  const cacheAt = (tokens: number): string =>
    `${formatBytes(memory.cacheBytesPerToken * tokens)} at ${formatCount(tokens)} tokens`;
  const contexts = config.contextLength > 4096 ? [4096, config.contextLength] : [config.contextLength];
  const rows: (readonly [string, string])[] = [
    [
      'architecture',
      `${facts.architecture}, ${config.numLayers} layers, width ${formatCount(config.hiddenSize)}`,
    ],
    ...architectureOf(config).describe(config),
    [
      'parameters',
      `${formatParameters(parameters.total)} total, ${formatParameters(parameters.active)} active per token`,
    ],
    [
      'file',
      `${formatBytes(facts.fileBytes)}, ${formatCount(facts.numTensors)} tensors, ${facts.bitsPerWeight.toFixed(2)} bits per weight`,
    ],
    ['types', types.map(([type, sizeBytes]) => `${type} ${share(sizeBytes)}`).join(', ')],
    ['context', `${formatCount(config.contextLength)} tokens`],
    [
      'memory',
      `${formatBytes(memory.weightBytes)} of weights, and a KV cache of ${contexts.map(cacheAt).join(', ')}`,
    ],
    ...(memory.availableBytes === null
      ? []
      : [['available', `${formatBytes(memory.availableBytes)} of memory on this machine now`] as const]),
    ['tokenizer', tokenizer ? describeTokenizer(tokenizer, config) : 'none; commands take token ids'],
    [
      'chat template',
      facts.chatTemplate === 'file' ? 'from the file' : 'default of dots.llm1 (the file has none)',
    ],
    ['sampling', describeSampling(facts.samplingDefaults)],
  ];
  const width = Math.max(...rows.map(([label]) => label.length));
  return [
    session.style('bold', printable(facts.name)),
    ...rows.map(([label, value]) => `  ${session.style('dim', label.padEnd(width))}  ${value}`),
  ];
}

function describeSampling({
  temperature = 1,
  topK,
  topP,
  minP,
  repetitionPenalty,
}: SamplingDefaults): string {
  return [
    `temperature ${temperature}`,
    topK !== undefined && topK > 0 && `top-k ${topK}`,
    topP !== undefined && `top-p ${topP}`,
    minP !== undefined && `min-p ${minP}`,
    repetitionPenalty !== undefined && `repetition penalty ${repetitionPenalty}`,
  ]
    .filter((part) => typeof part === 'string')
    .join(', ');
}

function describeTokenizer(tokenizer: NonNullable<Facts['tokenizer']>, config: ModelConfig): string {
  const { numRealTokens, eos, bos } = tokenizer;
  const padding = config.vocabSize - numRealTokens;
  return [
    `${formatCount(numRealTokens)} tokens${padding > 0 ? ` and ${formatCount(padding)} rows of padding` : ''}`,
    bos === null ? undefined : `starts with ${bos}`,
    eos.length > 0 ? `ends with ${eos.join(' or ')}` : 'no end token',
  ]
    .filter((part) => part !== undefined)
    .join(', ');
}

/** Weights with scales of their own take more bytes in memory than in the file. */
function typeInFile({ fileType, type }: StoredTensor): StoredTensor['type'] {
  return fileType ?? type;
}

function bytesInFile({ fileType, shape, sizeBytes }: StoredTensor): number {
  return fileType
    ? storageBytes(
        fileType,
        shape.reduce((a, b) => a * b, 1),
      )
    : sizeBytes;
}

function plain(tensor: StoredTensor): object {
  const { name, shape, offset } = tensor;
  return { name, type: typeInFile(tensor).name, shape, offset, bytes: bytesInFile(tensor) };
}

function listTensors(tensors: readonly StoredTensor[]): string[] {
  const rows = tensors.map((tensor) => [
    printable(tensor.name),
    typeInFile(tensor).name,
    tensor.shape.map(formatCount).join(' × '),
    formatBytes(bytesInFile(tensor)),
  ]);
  return ['', ...table([['tensor', 'type', 'shape', 'bytes'], ...rows], 'llrr')];
}
