import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { Backend } from '../../src/backend/backend.ts';
import { openNativeBackend } from '../../src/backend/native/native-backend.ts';
import { referenceBackend } from '../../src/backend/reference/reference-backend.ts';
import type { Store } from '../../src/backend/store.ts';
import { FormatError, ResourceError, ShapeError } from '../../src/core/errors.ts';
import { openModelFiles } from '../../src/engine/model-files.ts';
import { openEngine } from '../../src/engine/open.ts';
import { scoreTokens } from '../../src/eval/perplexity.ts';
import type { ModelConfig } from '../../src/model/architecture.ts';
import { weightSpecs } from '../../src/model/weights.ts';
import { readProgress } from '../../src/train/checkpoint.ts';
import { initialise, storeSpecs } from '../../src/train/parameters.ts';
import type { LogRecord, RunFolder } from '../../src/train/run-folder.ts';
import { type TrainerOptions, train } from '../../src/train/trainer.ts';
import { candidates, reasonToSkip } from '../conformance/backends.ts';
import { BACKEND, TOY_MODEL, ToySource, toyFolder, toyOptions, toyRun } from './toy.ts';

/** What a run computed, without what depends on the clock. */
async function computed(folder: RunFolder): Promise<LogRecord[]> {
  const records = await folder.readLog();
  return records
    .filter(({ type }) => type === 'step' || type === 'validation')
    .map(({ tokensPerSecond: _, ...record }) => record as LogRecord);
}

async function stopAfter(step: number, options: TrainerOptions): Promise<void> {
  const controller = new AbortController();
  const stopped = train({
    ...options,
    signal: controller.signal,
    onStep: (progress) => {
      if (progress.step === step) controller.abort(new Error('stopped'));
    },
  });
  await expect(stopped).rejects.toThrow('stopped');
}

describe('train()', () => {
  it('learns a small language, by less and less loss', async () => {
    const folder = await toyFolder();
    const run = toyRun({ tokens: 80 * 64, validation: { everySteps: 80, tokens: 512 } });
    const result = await train(toyOptions(run, folder));
    const losses = (await folder.readLog()).flatMap((one) =>
      one.type === 'step' ? [one.loss as number] : [],
    );
    expect(losses[0]).toBeGreaterThan(2.5);
    expect(losses.at(-1)).toBeLessThan(1.5);
    expect(result.validation?.loss).toBeLessThan(1.5);
    // Four bytes for each word of the toy language.
    expect(result.validation?.bitsPerByte).toBeCloseTo((result.validation?.loss as number) / Math.LN2 / 4, 9);
    expect(result).toMatchObject({ steps: 80, tokens: 5120 });
  });

  it('logs how far biases are from zero, and how far from each other, which is what chooses', async () => {
    const folder = await toyFolder();
    let store: Store | undefined;
    let bias_E: number[] = [];
    const run = toyRun({ balance: { biasRate: 0.01 } });
    await train({
      ...toyOptions(run, folder),
      begin: async (opened) => {
        initialise(opened, run.model as ModelConfig, run.init);
        store = opened;
      },
      onStep: () => {
        bias_E = Array.from(store?.array('layers.1.routerBias') ?? []);
      },
    });
    const last = (await folder.readLog()).findLast(({ type }) => type === 'step') as LogRecord;
    const [{ biasDrift, biasSpread }] = last.layers as { biasDrift: number; biasSpread: number }[];
    const mean = bias_E.reduce((a, b) => a + b, 0) / bias_E.length;
    expect(Math.abs(mean)).toBeGreaterThan(0.002); // Else one could be taken for the other.
    expect(biasDrift).toBeCloseTo(Math.max(...bias_E.map(Math.abs)), 3);
    expect(biasSpread).toBeCloseTo(Math.max(...bias_E.map((bias) => Math.abs(bias - mean))), 3);
  });

  it('learns with Muon too, which forgets half of what AdamW has to keep', async () => {
    const folder = await toyFolder();
    const run = toyRun({ tokens: 80 * 64, optimizer: { type: 'muon' } });
    await train(toyOptions(run, folder));
    const records = await folder.readLog();
    const losses = records.flatMap((one) => (one.type === 'step' ? [one.loss as number] : []));
    expect(losses[0]).toBeGreaterThan(2.5);
    expect(losses.at(-1)).toBeLessThan(1.5);
    const model = run.model as ModelConfig;
    const [plain, less] = (['adamw', 'muon'] as const).map((type) =>
      BACKEND.createStore(storeSpecs(model, type)),
    );
    // One of four numbers of four bytes, for all matrices but the two with a row for each word.
    const matrices = weightSpecs(model).filter(
      ({ name, shape }) => shape.length > 1 && name !== 'tokenEmbedding' && name !== 'output',
    );
    const numElements = matrices.reduce((sum, { shape }) => sum + shape.reduce((a, b) => a * b), 0);
    expect(plain.sizeBytes - less.sizeBytes).toBe(4 * numElements);
  });

  it.each(['adamw', 'muon'])('resumes from a checkpoint with the same bits, by %s', async (type) => {
    const whole = await toyFolder();
    const run = toyRun({ optimizer: { type } });
    const expected = await train(toyOptions(run, whole));
    const parts = await toyFolder();
    const onStep = ({ step }: { step: number }): void => {
      if (step === 14) throw new Error('killed');
    };
    await expect(train({ ...toyOptions(run, parts), onStep })).rejects.toThrow('killed');
    const [resumeFrom] = await parts.checkpoints();
    const result = await train({ ...toyOptions(run, parts), resumeFrom });
    expect(result.loss).toBe(expected.loss);
    expect(result.validation).toEqual(expected.validation);
    expect(await computed(parts)).toEqual(await computed(whole));
  });

  it('a finished run reports its results again, and does nothing else', async () => {
    const folder = await toyFolder();
    const { tokensPerSecond: _, ...expected } = await train(toyOptions(toyRun(), folder));
    const before = await computed(folder);
    expect(await train({ ...toyOptions(toyRun(), folder), resumeFrom: expected.checkpoint })).toMatchObject(
      expected,
    );
    expect(await computed(folder)).toEqual(before);
  });

  it('saves what it has when it is interrupted between checkpoints', async () => {
    const folder = await toyFolder();
    await stopAfter(13, toyOptions(toyRun(), folder));
    expect((await folder.checkpoints()).map((path) => path.slice(-8))).toEqual(['00000010', '00000013']);
    const resumeFrom = (await folder.checkpoints()).at(-1) as string;
    const whole = await toyFolder();
    const expected = await train(toyOptions(toyRun(), whole));
    expect((await train({ ...toyOptions(toyRun(), folder), resumeFrom })).loss).toBe(expected.loss);
  });

  it('keeps checkpoints at chosen numbers of tokens, of others the last two', async () => {
    const folder = await toyFolder();
    const run = toyRun({ checkpoint: { everySteps: 10, keepAtTokens: [500, 1000] } });
    await train(toyOptions(run, folder));
    expect((await folder.checkpoints()).map((path) => Number(path.slice(-8)))).toEqual([8, 16, 20, 30]);
  });

  it('computes the same bits with recomputed layers, in less memory', async () => {
    const logs = await Promise.all(
      [false, true].map(async (recompute) => {
        const folder = await toyFolder();
        await train(toyOptions(toyRun({ recompute, model: { ...TOY_MODEL, numLayers: 6 } }), folder));
        const [{ workingBytes }] = await folder.readLog();
        return { workingBytes: workingBytes as number, records: await computed(folder) };
      }),
    );
    expect(logs[0].records.length).toBeGreaterThan(5);
    expect(logs[1].records).toEqual(logs[0].records);
    expect(logs[1].workingBytes).toBeLessThan(0.7 * logs[0].workingBytes);
  });

  it('learns the same from a batch at once and in two or four micro-batches', async () => {
    // Without balancing: the last row of a micro-batch predicts nothing, so it is not counted as load of any expert.
    const balance = { biasRate: 0, lossFactor: 0 };
    const logs = [];
    for (const microBatchTokens of [64, 32, 16]) {
      const folder = await toyFolder();
      await train(toyOptions(toyRun({ microBatchTokens, balance, logEverySteps: 1 }), folder));
      logs.push((await computed(folder)).filter(({ type }) => type === 'step'));
    }
    expect(logs.map((steps) => steps.length)).toEqual([30, 30, 30]);
    for (const steps of logs.slice(1)) {
      for (const [i, { loss, gradientNorm }] of steps.entries()) {
        // Sums of several micro-batches are rounded differently, by little more at the end than at the beginning.
        expect(loss).toBeCloseTo(logs[0][i].loss as number, 4);
        expect(gradientNorm).toBeCloseTo(logs[0][i].gradientNorm as number, 4);
      }
    }
  });

  it('stops at a loss that is not finite, and names step, data and the last good checkpoint', async () => {
    const folder = await toyFolder();
    const run = toyRun({ learningRate: { peak: 1e30 }, checkpoint: { everySteps: 1 } });
    const failed = train(toyOptions(run, folder)).catch((error: unknown) => error);
    const error = (await failed) as ResourceError;
    expect(error).toBeInstanceOf(ResourceError);
    expect(error.message).toMatch(
      /^Training stopped at step \d+, after \d+ tokens: .*; its data begins at \[\d+\]$/,
    );
    expect(error.hint).toMatch(/every checkpoint had diverged already/);
  });

  it('keeps the last good checkpoint, and names it, where later ones are finite but useless', async () => {
    const folder = await toyFolder();
    const options = toyOptions(toyRun({ tokens: 10 * 64 }), folder);
    const { checkpoint: good } = await train(options);
    const warnings: string[] = [];
    const wild = toyRun({ learningRate: { peak: 1e18 }, checkpoint: { everySteps: 1 } });
    const onWarning = (text: string): unknown => warnings.push(text);
    const failed = train({ ...toyOptions(wild, folder), resumeFrom: good, onWarning });
    const error = (await failed.catch((cause: unknown) => cause)) as ResourceError;
    expect(error).toMatchObject({ code: 'not-finite' });
    const [kept, bad, ...more] = await folder.checkpoints();
    expect([kept, more]).toEqual([good, []]);
    expect(error.hint).toBe(
      `the last good checkpoint is ${good}; delete ${bad}, which had diverged already, ` +
        'lower the learning rate and continue with --resume',
    );
    expect((await readProgress(bad)).problem).toMatch(/weights of up to|the loss is/);
    expect(warnings[0]).toMatch(/^the learning rate continues at 1.00e\+18 instead of 1.00e-3/);
    expect(warnings[1]).toMatch(/^the run seems to diverge at step 11: /);
  });

  it('a longer run says that its rate rises again; the same run says nothing', async () => {
    const folder = await toyFolder();
    const run = toyRun({ tokens: 20 * 64 });
    const { checkpoint: resumeFrom } = await train(toyOptions(run, folder));
    const warnings: string[] = [];
    const onWarning = (text: string): unknown => warnings.push(text);
    await train({ ...toyOptions(run, folder), resumeFrom, onWarning });
    expect(warnings).toEqual([]);
    await train({ ...toyOptions(toyRun({ tokens: 40 * 64 }), folder), resumeFrom, onWarning });
    expect(warnings).toEqual([expect.stringMatching(/continues at 1.00e-2 instead of 1.00e-3: the length/)]);
  });

  it.each([
    ['dots1', { numExperts: 1, numExpertsPerToken: 1 }],
    ['dots1', { numExperts: 1, numExpertsPerToken: 1, numDenseLayers: 0, tiedEmbeddings: true }],
    ['dots1', { numDenseLayers: 2 }],
    ['qwen3moe', { numExperts: 1, numExpertsPerToken: 1 }],
  ])('a %s model with %o trains, resumes and opens', async (architecture, fields) => {
    const { denseSize, numSharedExperts, ...shared } = TOY_MODEL;
    const own = architecture === 'dots1' ? { denseSize, numSharedExperts } : {};
    const model = { architecture, ...shared, ...own, ...fields };
    const folder = await toyFolder();
    const { checkpoint } = await train(toyOptions(toyRun({ tokens: 128, model }), folder));
    const longer = toyOptions(toyRun({ tokens: 192, model }), folder);
    const { checkpoint: resumed } = await train({ ...longer, resumeFrom: checkpoint });
    await using engine = await openEngine(resumed, { backend: 'reference' });
    expect(Number.isFinite(await scoreTokens(engine, [1, 2, 3], { contextTokens: 3 }))).toBe(true);
  });

  it('writes checkpoints that open as models', async () => {
    const folder = await toyFolder();
    const { checkpoint } = await train(toyOptions(toyRun(), folder));
    const files = await openModelFiles(checkpoint);
    const { vocabSize, numLayers } = files.config;
    expect({ vocabSize, numLayers }).toEqual({ vocabSize: 16, numLayers: 2 });
    await files.close();
  });

  it('refuses a checkpoint of another model, of an earlier version, and one that is damaged', async () => {
    const folder = await toyFolder();
    const { checkpoint } = await train(toyOptions(toyRun(), folder));
    const wider = toyRun({ model: { ...TOY_MODEL, expertSize: 12 } });
    const other = train({ ...toyOptions(wider, folder), resumeFrom: checkpoint });
    await expect(other).rejects.toThrow(ShapeError);
    await expect(other).rejects.toThrow(/expertSize is 8 there and 12 in the run/);
    await writeFile(
      join(checkpoint, 'trainer.json'),
      '{"version":1,"step":30,"tokens":1920,"positions":[30]}',
    );
    const earlier = train({ ...toyOptions(toyRun(), folder), resumeFrom: checkpoint });
    await expect(earlier).rejects.toMatchObject({ code: 'checkpoint-version' });
    await writeFile(join(checkpoint, 'trainer.json'), '{"version":2}');
    const damaged = train({ ...toyOptions(toyRun(), folder), resumeFrom: checkpoint });
    await expect(damaged).rejects.toMatchObject({ code: 'damaged-checkpoint' });
  });

  it('refuses a checkpoint whose position no run can have, instead of training on from elsewhere', async () => {
    const folder = await toyFolder();
    const { checkpoint } = await train(toyOptions(toyRun({ tokens: 4 * 64 }), folder));
    const file = join(checkpoint, 'trainer.json');
    const whole = JSON.parse(await readFile(file, 'utf8'));
    for (const change of [
      { tokens: -5 },
      { step: -1 },
      { step: 0 },
      { tokens: 0 },
      { tokens: 3 },
      { positions: [] },
      { positions: [null] },
      { isKept: 'x' },
      { problem: 1 },
      { firstLoss: 'low' },
      { data: {} },
    ]) {
      await writeFile(file, JSON.stringify({ ...whole, ...change }));
      const resumed = train({ ...toyOptions(toyRun(), folder), resumeFrom: checkpoint });
      await expect(resumed, JSON.stringify(change)).rejects.toMatchObject({ code: 'damaged-checkpoint' });
    }
    await writeFile(file, JSON.stringify(whole));
    await train({ ...toyOptions(toyRun({ tokens: 5 * 64 }), folder), resumeFrom: checkpoint });
  });

  it('refuses a checkpoint without the optimizer’s state, or with that of the other optimizer', async () => {
    const folder = await toyFolder();
    const { checkpoint } = await train(toyOptions(toyRun({ optimizer: { type: 'muon' } }), folder));
    const other = train({ ...toyOptions(toyRun(), folder), resumeFrom: checkpoint });
    await expect(other).rejects.toMatchObject({
      code: 'other-checkpoint',
      message: expect.stringMatching(/with "adamw": it was trained with "muon"/),
      hint: expect.stringMatching(/set "optimizer.type" to "muon".*"initFrom"/),
    });
    const back = await toyFolder();
    const { checkpoint: adamw } = await train(toyOptions(toyRun(), back));
    const muon = toyRun({ optimizer: { type: 'muon' } });
    await expect(train({ ...toyOptions(muon, back), resumeFrom: adamw })).rejects.toMatchObject({
      code: 'other-checkpoint',
      message: expect.stringMatching(/with "muon": it was trained with "adamw"/),
    });
    const cut = join(checkpoint, 'optimizer/model.safetensors');
    await writeFile(cut, (await readFile(cut)).subarray(0, -100));
    const damaged = train({
      ...toyOptions(toyRun({ optimizer: { type: 'muon' } }), folder),
      resumeFrom: checkpoint,
    });
    await expect(damaged).rejects.toThrow(FormatError);
  });

  it('begins with given weights', async () => {
    const folder = await toyFolder();
    const begin = async (store: Store): Promise<void> => {
      store.array('outputNorm').fill(0);
    };
    const result = await train({ ...toyOptions(toyRun({ tokens: 64 }), folder), begin });
    // All logits are zero: every word is equally likely.
    expect(result.loss).toBeCloseTo(Math.log(16), 6);
  });

  it('a half-written checkpoint is none', async () => {
    const folder = await toyFolder();
    await expect(
      folder.writeCheckpoint(5, async (target) => {
        const sink = await target.create('a', 1);
        await sink.write(Uint8Array.of(1));
        await sink.finish();
        throw new Error('killed');
      }),
    ).rejects.toThrow('killed');
    expect(await folder.checkpoints()).toEqual([]);
  });

  it('a disk that fills up while it saves ends the run and leaves the last checkpoint, from which it resumes', async () => {
    const folder = await toyFolder();
    const write = folder.writeCheckpoint.bind(folder);
    folder.writeCheckpoint = (step, content) =>
      write(step, (target, subFolder) => {
        if (step <= 10) return content(target, subFolder);
        const create: typeof target.create = async (name, sizeBytes) => ({
          ...(await target.create(name, sizeBytes)),
          write: async () => {
            throw new ResourceError('Cannot write: the disk is full', { code: 'disk-full' });
          },
        });
        return content({ ...target, create }, subFolder);
      });
    await expect(train(toyOptions(toyRun(), folder))).rejects.toMatchObject({ code: 'disk-full' });
    const [resumeFrom, ...more] = await folder.checkpoints();
    expect([resumeFrom.slice(-8), more]).toEqual(['00000010', []]);
    folder.writeCheckpoint = write;
    const expected = await train(toyOptions(toyRun(), await toyFolder()));
    expect((await train({ ...toyOptions(toyRun(), folder), resumeFrom })).loss).toBe(expected.loss);
  });

  it('a log line that was cut off is passed over', async () => {
    const folder = await toyFolder();
    await folder.log({ type: 'step', step: 5 });
    await writeFile(
      join(folder.path, 'log.jsonl'),
      `${await readFile(join(folder.path, 'log.jsonl'))}{"type":"st`,
    );
    expect(await folder.readLog()).toEqual([{ type: 'step', step: 5 }]);
  });

  for (const candidate of candidates()) {
    const reason = reasonToSkip(candidate, 'linearCrossEntropyGrad') ?? reasonToSkip(candidate, 'adamw');
    if (candidate.backend === undefined || reason !== undefined) {
      it.skip(`${candidate.name} does not train: ${reason}`, () => {});
      continue;
    }
    const { name, backend } = candidate;
    it(`spreads tokens over experts by the bias, on ${name}`, async () => {
      const settled = async (balance: { biasRate: number; lossFactor: number }): Promise<number> => {
        const options = toyOptions(
          toyRun({
            ...{ balance, tokens: 240 * 128, microBatchTokens: 128, batch: [], logEverySteps: 60 },
            ...{
              checkpoint: { everySteps: 1000 },
              validation: { everySteps: 1000 },
              init: { std: 0.1, seed: 2 },
            },
          }),
          await toyFolder(),
          backend,
        );
        await train(options);
        const last = (await options.folder.readLog()).findLast(({ type }) => type === 'step') as LogRecord;
        return Math.max(...(last.layers as { maxViolation: number }[]).map((layer) => layer.maxViolation));
      };
      expect(await settled({ biasRate: 0.01, lossFactor: 0.001 })).toBeLessThan(0.1);
      expect(await settled({ biasRate: 0, lossFactor: 0 })).toBeGreaterThan(0.6);
    });

    it(`measures on ${name} the loss that its checkpoint has when it runs, so no token helps one before it`, async () => {
      const source = new ToySource(600);
      const held = { name: 'long', source, numTokens: 600 };
      const run = toyRun({
        ...{
          model: { ...TOY_MODEL, headSize: 64, contextLength: 600 },
          init: { std: 0.5, seed: 1 },
          learningRate: { peak: 1e-3 },
        },
        ...{ tokens: 1200, microBatchTokens: 600, batch: [], validation: { tokens: 600 } },
      });
      const { checkpoint, validation } = await train({
        ...toyOptions(run, await toyFolder(), backend),
        stages: [{ from: 0, source: new ToySource(600) }],
        validation: [held],
      });
      await source.seek(0);
      const { tokens_T } = await source.next(600);
      await using engine = await openEngine(checkpoint, { backend: 'reference', kvType: 'f32' });
      const nats = await scoreTokens(engine, Array.from(tokens_T), { contextTokens: 600 });
      expect(validation?.loss).toBeCloseTo(nats / 599, 4);
    });

    it(`computes the same bits on ${name} with any number of threads`, async () => {
      const losses = await Promise.all(
        [1, 2, 5].map(async (threads) => {
          const { backend: other } = openNativeBackend({ threads }) as { backend: Backend };
          return train(toyOptions(toyRun(), await toyFolder(), other));
        }),
      );
      for (const { loss, validation } of losses)
        expect({ loss, validation }).toEqual({ loss: losses[0].loss, validation: losses[0].validation });
    });

    it(`learns on ${name} what it learns on the reference`, async () => {
      const losses = async (options: TrainerOptions): Promise<number[]> => {
        await train(options);
        return (await options.folder.readLog()).flatMap((one) =>
          one.type === 'step' ? [one.loss as number] : [],
        );
      };
      const expected = await losses(toyOptions(toyRun(), await toyFolder(), referenceBackend));
      const found = await losses(toyOptions(toyRun(), await toyFolder(), backend));
      expect(expected).toHaveLength(6);
      expect(found).toHaveLength(6);
      found.forEach((loss, i) => {
        expect(Math.abs(loss - expected[i])).toBeLessThan(1e-3);
      });
    });
  }
});
