// A checkpoint is a model in the Hugging Face layout, and what training needs to resume: AdamW's running means
// (optimizer/model.safetensors) and the position of the run (trainer.json).

import type { Store } from '../backend/store.ts';
import type { ConvertSource, ValueRun } from '../convert/convert-source.ts';
import { writeHfModel } from '../convert/write-hf.ts';
import { FormatError, ShapeError, UnsupportedError } from '../core/errors.ts';
import type { DataFact } from '../data/open-data.ts';
import { f32 } from '../dtype/index.ts';
import { type SinkFolder, writeAll } from '../format/byte-sink.ts';
import { readAll } from '../format/byte-source.ts';
import { openFileFolder } from '../format/file-source.ts';
import { type HfFiles, openHfFolder } from '../format/hf-folder.ts';
import { type JsonValue, parseJson } from '../format/json.ts';
import { memorySource } from '../format/memory-source.ts';
import { openSafetensorsFolder } from '../format/safetensors-folder.ts';
import { writeSafetensors } from '../format/safetensors-writer.ts';
import type { ModelConfig } from '../model/architecture.ts';
import { bindWeights } from '../model/bind-weights.ts';
import { configFromHf, configToHf } from '../model/config-hf.ts';
import { hfNames, weightSpecs } from '../model/weights.ts';
import { meanOf, squareOf, trainedSpecs } from './names.ts';
import { type OptimizerType, optimizerStates, usesMuon } from './optimizer.ts';
import { copyWeights } from './parameters.ts';

/** Position of a run. */
export interface Progress {
  /** Optimiser steps done. */
  readonly step: number;
  /** Tokens seen. */
  readonly tokens: number;
  /** Position of each source of batches. */
  readonly positions: readonly JsonValue[];
  /** Whether the checkpoint stays when later ones are written. */
  readonly isKept?: boolean;
  /** What the judgement of the run said of its state then; absent in older checkpoints. */
  readonly problem?: string;
  /** Of the first step of the run. */
  readonly firstLoss?: number;
  /** That the next step would have had. */
  readonly nextLearningRate?: number;
  /** What decided the batches of each stage. */
  readonly data?: readonly (readonly DataFact[])[];
}

/** What goes into a checkpoint in addition to the weights, so that it is a whole model: tokenizer and end tokens. */
export type TokenizerFiles = Omit<HfFiles, 'config'> & { readonly eosTokenIds: readonly number[] };

export interface CheckpointContents {
  readonly store: Store;
  readonly config: ModelConfig;
  readonly optimizer: OptimizerType;
  readonly progress: Progress;
  readonly tokenizer: TokenizerFiles | undefined;
}

const PROGRESS_FILE = 'trainer.json';
const OPTIMIZER_FOLDER = 'optimizer';
/** 2: positions in data whose order is drawn by `CounterRandom`; those of version 1 name other documents. */
const VERSION = 2;

/** Write all of it; `subFolder` makes a folder inside. Throws `ResourceError` where the disk is full. */
export async function writeCheckpoint(
  folder: SinkFolder,
  subFolder: (name: string) => Promise<SinkFolder>,
  { store, config, optimizer, progress, tokenizer }: CheckpointContents,
): Promise<void> {
  await writeHfModel(modelSource(store, config, tokenizer), folder, 'f32', {});
  const names = trainedSpecs(config).flatMap((spec) => optimizerStates(spec, optimizer));
  const tensors = names.map((name) => ({ name, type: f32, shape: store.shape(name) as readonly number[] }));
  await writeSafetensors(await subFolder(OPTIMIZER_FOLDER), {
    tensors,
    bytes: ({ name }) => [bytesOf(store.array(name))],
  });
  const bytes = new TextEncoder().encode(`${JSON.stringify({ version: VERSION, ...progress }, null, 2)}\n`);
  await writeAll(await folder.create(PROGRESS_FILE, bytes.length), [bytes]);
}

/** Everything back into the store. Throws `ShapeError` for a model of another configuration, `FormatError` for damage. */
export async function readCheckpoint(
  path: string,
  store: Store,
  config: ModelConfig,
  optimizer: OptimizerType,
): Promise<Progress> {
  const progress = await readProgress(path);
  const model = await openHfFolder(path);
  try {
    checkSameShape(config, configFromHf(model.config, `${path}/config.json`), path);
    await copyWeights(store, bindWeights(config, model.tensors, 'hf', path).weights, config);
  } finally {
    await model.close();
  }
  const states = await openSafetensorsFolder(await openFileFolder(`${path}/${OPTIMIZER_FOLDER}`));
  try {
    checkSameOptimizer(states.tensors, config, optimizer, path);
    for (const spec of trainedSpecs(config)) {
      for (const state of optimizerStates(spec, optimizer)) {
        const tensor = states.tensors.get(state);
        const target = bytesOf(store.array(state));
        if (tensor?.sizeBytes !== target.length)
          throw damaged(path, `${state} of the optimiser "${optimizer}" is missing or of another size`);
        target.set(await tensor.source.read(tensor.offset, tensor.sizeBytes));
      }
    }
  } finally {
    await states.close();
  }
  return progress;
}

export async function readProgress(path: string): Promise<Progress> {
  const source = await (await openFileFolder(path)).open(PROGRESS_FILE);
  if (!source) throw damaged(path, `it has no ${PROGRESS_FILE}`);
  try {
    const json = parseJson(await readAll(source), source.name) as Progress & { version?: number };
    if (Number.isSafeInteger(json?.version) && json.version !== VERSION)
      throw otherVersion(path, json.version as number);
    const isFit =
      json?.version === VERSION &&
      isCount(json.step) &&
      isCount(json.tokens) &&
      Array.isArray(json.positions) &&
      json.step <= json.tokens &&
      (json.step === 0) === (json.tokens === 0);
    if (!isFit) throw damaged(path, `${PROGRESS_FILE} lacks the position of the run`);
    const wrong = OPTIONAL_FIELDS.find(([name, isRight]) => json[name] !== undefined && !isRight(json[name]));
    if (wrong) throw damaged(path, `"${wrong[0]}" in ${PROGRESS_FILE} is ${JSON.stringify(json[wrong[0]])}`);
    const { version: _, ...progress } = json;
    return { ...progress, isKept: json.isKept === true };
  } finally {
    await source.close();
  }
}

function isCount(value: unknown): boolean {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}

/** A number that is not finite is null in JSON. */
const isNumberOrNull = (value: unknown): boolean => value === null || typeof value === 'number';
const OPTIONAL_FIELDS: readonly [name: keyof Progress, isRight: (value: unknown) => boolean][] = [
  ['isKept', (value) => typeof value === 'boolean'],
  ['problem', (value) => typeof value === 'string'],
  ['firstLoss', isNumberOrNull],
  ['nextLearningRate', isNumberOrNull],
  ['data', (value) => Array.isArray(value) && value.every(Array.isArray)],
];

/** The store as a model that the writers of `dots convert` take; no copies. */
function modelSource(
  store: Store,
  config: ModelConfig,
  tokenizer: TokenizerFiles | undefined,
): ConvertSource {
  const { eosTokenIds, ...files } = tokenizer ?? { eosTokenIds: [] };
  return {
    origin: 'the run',
    name: 'checkpoint',
    config,
    weights: weightSpecs(config).map((spec) => {
      const source = memorySource(bytesOf(store.array(spec.name)), spec.name);
      const numParts = hfNames(spec).length;
      const numElements = source.size / 4 / numParts;
      const runs = Array.from(
        { length: numParts },
        (_, i): ValueRun => ({ source, type: f32, offset: i * numElements * 4, numElements }),
      );
      return { spec, runs };
    }),
    readTokenizer: () => undefined,
    onWarning: () => {},
    chatTemplate: undefined,
    // Those of the tokenizer's files are written as they are.
    samplingDefaults: {},
    license: undefined,
    files: { ...files, config: configToHf(config, eosTokenIds, 'float32') },
    close: async () => {},
  };
}

/** What decides shapes and arithmetic has to be the same; how long texts may be does not matter. */
function checkSameShape(wanted: ModelConfig, found: ModelConfig, path: string): void {
  const [inRun, there] = [wanted, found] as unknown as Record<string, unknown>[];
  const different = Object.keys(inRun).filter(
    (key) => key !== 'contextLength' && JSON.stringify(inRun[key]) !== JSON.stringify(there[key]),
  );
  if (different.length === 0) return;
  const list = different
    .map(
      (key) => `${key} is ${JSON.stringify(there[key])} there and ${JSON.stringify(inRun[key])} in the run`,
    )
    .join(', ');
  throw new ShapeError(`The checkpoint ${path} is of another model: ${list}`, {
    code: 'other-checkpoint',
    hint: 'give the run the model of its checkpoint, or another folder in "out"',
  });
}

/** Muon's state is a part of AdamW's, so the state of the other would be read without a word. */
function checkSameOptimizer(
  tensors: { has(name: string): boolean },
  config: ModelConfig,
  optimizer: OptimizerType,
  path: string,
): void {
  const map = trainedSpecs(config).find((spec) => usesMuon(spec, 'muon'));
  if (!map || !tensors.has(meanOf(map.name))) return;
  const found: OptimizerType = tensors.has(squareOf(map.name)) ? 'adamw' : 'muon';
  if (found === optimizer) return;
  throw new ShapeError(`Cannot resume from ${path} with "${optimizer}": it was trained with "${found}"`, {
    code: 'other-checkpoint',
    hint: `set "optimizer.type" to "${found}", or begin a new run with this checkpoint as "initFrom"`,
  });
}

function bytesOf({ buffer, byteOffset, byteLength }: Float32Array): Uint8Array {
  return new Uint8Array(buffer, byteOffset, byteLength);
}

function otherVersion(path: string, found: number): UnsupportedError {
  return new UnsupportedError(
    `Cannot resume from ${path}: its training state is of version ${found}, this release reads version ${VERSION}`,
    {
      code: 'checkpoint-version',
      hint: 'finish the run with the release that began it, or begin a new run with this checkpoint as "initFrom"',
    },
  );
}

function damaged(path: string, found: string): FormatError {
  return new FormatError(`Cannot resume from ${path}: ${found}`, {
    code: 'damaged-checkpoint',
    hint: 'to resume from the checkpoint before it, move this one away; if there is none, begin anew',
  });
}
