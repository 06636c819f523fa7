import type { Backend, Executable, ExpertStreamingStats } from '../backend/backend.ts';
import { referenceBackend } from '../backend/reference/reference-backend.ts';
import { compile } from '../compile/compile.ts';
import type { Program } from '../compile/program.ts';
import { closeAll, closeOnThrow } from '../core/closing.ts';
import { UnsupportedError, UsageError } from '../core/errors.ts';
import { formatBytes, formatCount } from '../core/units.ts';
import { storageTypeByName } from '../dtype/index.ts';
import type { ByteSource } from '../format/byte-source.ts';
import { PAGE_SIZE } from '../graph/ops/cached-attention.ts';
import type { ModelConfig } from '../model/architecture.ts';
import { bindWeights } from '../model/bind-weights.ts';
import { planStreaming, type StreamingOptions } from './expert-streaming.ts';
import { cachePageBytes, inferenceGraph } from './inference-graph.ts';
import { Loop } from './loop.ts';
import { availableMemory } from './memory-check.ts';
import { type ModelFiles, openModelFiles } from './model-files.ts';
import { PagePool } from './page-pool.ts';
import { Routing } from './routing.ts';

export interface OpenOptions extends StreamingOptions {
  /** Default: native where it is built, else reference. */
  readonly backend?: 'reference' | 'native';
  /** Threads of the native backend; default: one for each core. */
  readonly threads?: number;
  /** Instruction set of the native backend, in place of the best one; for measurements. */
  readonly isa?: string;
  /** Tokens of context for each sequence; default: what the model was made for, at most 4,096. */
  readonly contextLength?: number;
  /** Sequences that may run together. */
  readonly maxParallel?: number;
  /**
   * At most so many bytes for keys and values, all sequences together, but always room for one at full length. Default: room
   * for `maxParallel` of them. With less than that, sequences wait for each other where need be.
   */
  readonly kvBytes?: number;
  /** Bytes of it that cached prefixes of finished requests may use; default: all that is free. */
  readonly prefixCacheBytes?: number;
  /** How keys and values are cached. */
  readonly kvType?: 'f32' | 'f16' | 'q8_0';
  /** Tokens in one step; a longer prompt is read in pieces. */
  readonly maxStepTokens?: number;
  readonly signal?: AbortSignal;
  /** Bytes of an `hf:` model that are on disk so far, while `open` downloads it. */
  readonly onDownload?: (doneBytes: number, totalBytes: number) => void;
  /** Bytes of weights read so far. */
  readonly onProgress?: (doneBytes: number, totalBytes: number) => void;
  /** Warnings: the model is larger than memory, the reference backend has to run, the file has unused tensors. */
  readonly onWarning?: (message: string) => void;
}

const DEFAULT_CONTEXT = 4096;
const DEFAULT_STEP_TOKENS = 512;

/** What an open model is made of. */
interface EngineParts {
  readonly files: ModelFiles;
  readonly backend: Backend;
  readonly program: Program;
  readonly executable: Executable;
  readonly loop: Loop;
  /** How its experts are laid out, and how often each was chosen. */
  readonly routing: Routing;
  /** Tokens that one sequence may have, prompt and answer together. */
  readonly contextLength: number;
  /** The storage type of cached keys and values. */
  readonly kvType: string;
  /** Bytes of one page of the cache: keys and values, all layers. */
  readonly pageBytes: number;
}

/** An open model: its files, the compiled program, and the loop that answers requests. */
export class Engine implements Omit<EngineParts, 'executable'> {
  readonly files: ModelFiles;
  readonly backend: Backend;
  readonly program: Program;
  readonly loop: Loop;
  readonly routing: Routing;
  readonly contextLength: number;
  readonly kvType: string;
  readonly pageBytes: number;
  readonly unusedTokens: ReadonlySet<number>;
  private readonly executable: Executable;
  private closing: Promise<void> | undefined;

  constructor(parts: EngineParts) {
    this.files = parts.files;
    this.backend = parts.backend;
    this.program = parts.program;
    this.executable = parts.executable;
    this.loop = parts.loop;
    this.routing = parts.routing;
    this.contextLength = parts.contextLength;
    this.kvType = parts.kvType;
    this.pageBytes = parts.pageBytes;
    const { tokenizer, config } = parts.files;
    const ids = Array.from({ length: config.vocabSize }, (_, id) => id);
    this.unusedTokens = new Set(
      tokenizer ? ids.filter((id) => id >= tokenizer.vocabSize || tokenizer.isUnused(id)) : [],
    );
  }

  get config(): ModelConfig {
    return this.files.config;
  }

  get tokenizer(): ModelFiles['tokenizer'] {
    return this.files.tokenizer;
  }

  get samplingDefaults(): ModelFiles['samplingDefaults'] {
    return this.files.samplingDefaults;
  }

  get vocabSize(): number {
    return this.files.config.vocabSize;
  }

  /** What reading experts from the file did so far; undefined where every weight is in memory or mapped. */
  get streamingStats(): ExpertStreamingStats | undefined {
    return this.executable.streamingStats;
  }

  /** Ends every request, then frees the memory. May be called twice. */
  close(): Promise<void> {
    this.closing ??= this.shutDown();
    return this.closing;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  private async shutDown(): Promise<void> {
    await closeAll([this.files, this.executable, this.loop]);
  }
}

/** A GGUF file, its bytes, or a Hugging Face folder -> a model that answers. Throws the error of whatever step failed, by name. */
export async function openEngine(source: string | ByteSource, options: OpenOptions = {}): Promise<Engine> {
  return closeOnThrow(async (own) => {
    const files = own(await openModelFiles(source, options));
    const { weights, unused } = bindWeights(files.config, files.tensors, files.format, files.origin);
    if (unused.length > 0)
      options.onWarning?.(`${files.origin}: ${unused.length} tensors are not used, e.g. ${unused[0]}`);
    const contextLength = chooseContext(files.config, options.contextLength);
    const maxParallel = options.maxParallel ?? 1;
    const pagesPerSequence = Math.ceil(contextLength / PAGE_SIZE);
    const stateType = storageTypeByName(options.kvType ?? 'f16');
    const graph = inferenceGraph(files.config, pagesPerSequence);
    const pageBytes = cachePageBytes(graph, stateType);
    const numPages = chooseNumPages(options, pageBytes, pagesPerSequence, maxParallel);
    const maxIdle = Math.floor((options.prefixCacheBytes ?? Number.POSITIVE_INFINITY) / pageBytes);

    const backend = await chooseBackend(options);
    const { streaming, message } = planStreaming(
      {
        name: files.origin,
        weights: weights.values(),
        kvBytes: numPages * pageBytes,
        canStream: backend.streamsExperts,
        availableBytes: await availableMemory(),
      },
      options,
    );
    if (message !== undefined) options.onWarning?.(message);

    const program = compile(graph, { name: files.config.architecture, supports: backend.supports });
    const executable = own(
      await backend.load(program, weights, {
        stateBindings: { P: numPages },
        stateType,
        ...(streaming && { streaming }),
        ...(options.signal && { signal: options.signal }),
        ...(options.onProgress && { onProgress: options.onProgress }),
      }),
    );
    const routing = new Routing(files.config);
    const loop = new Loop({
      executable,
      pool: new PagePool(numPages, maxIdle),
      routing,
      pagesPerSequence,
      vocabSize: files.config.vocabSize,
      hiddenSize: files.config.hiddenSize,
      maxStepTokens: options.maxStepTokens ?? DEFAULT_STEP_TOKENS,
      maxParallel,
    });
    return new Engine({
      files,
      backend,
      program,
      executable,
      loop,
      routing,
      contextLength,
      kvType: stateType.name,
      pageBytes,
    });
  });
}

function chooseContext(config: ModelConfig, wanted: number | undefined): number {
  const context = wanted ?? Math.min(config.contextLength, DEFAULT_CONTEXT);
  if (Number.isInteger(context) && context >= 1 && context <= config.contextLength) return context;
  throw new UsageError(`A context of ${formatCount(context)} tokens is not possible`, {
    code: 'bad-context',
    hint: `the model supports up to ${formatCount(config.contextLength)} tokens`,
  });
}

function chooseNumPages(
  options: OpenOptions,
  pageBytes: number,
  pagesPerSequence: number,
  maxParallel: number,
): number {
  const all = pagesPerSequence * maxParallel;
  const allowed = Math.min(all, Math.floor((options.kvBytes ?? Number.POSITIVE_INFINITY) / pageBytes));
  if (allowed >= pagesPerSequence) return allowed;
  options.onWarning?.(
    `the KV cache takes ${formatBytes(pagesPerSequence * pageBytes)}, more than requested: ` +
      'a smaller one cannot hold one sequence of full length',
  );
  return pagesPerSequence;
}

/** The native backend where it is built; otherwise the reference backend, with one line that says so. */
export async function chooseBackend(options: OpenOptions): Promise<Backend> {
  if (options.backend === 'reference') return referenceBackend;
  const { openNativeBackend } = await import('../backend/native/native-backend.ts');
  const { threads, isa } = options;
  const native = openNativeBackend({
    ...(threads !== undefined && { threads }),
    ...(isa !== undefined && { isa }),
  });
  if (native.backend) return native.backend;
  if (options.backend === 'native') {
    throw new UnsupportedError(`The native backend is not available: ${native.why}`, {
      code: 'no-native-backend',
      hint: 'install make and a C++ compiler and run "npm run build", or leave --backend out',
    });
  }
  options.onWarning?.(
    'the native backend is not built, so the slow reference backend runs; install make and g++ and run "npm run build" for the fast one',
  );
  return referenceBackend;
}
