import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { open } from '../../src/engine/model.ts';
import { openGguf } from '../../src/format/gguf-shards.ts';
import { findNumberArray, getStringArray } from '../../src/format/gguf-values.ts';
import { memorySource } from '../../src/format/memory-source.ts';
import type { StoredTensor } from '../../src/format/stored-tensor.ts';
import { TINY_HF_FOLDER, TINY_LLAMACPP_GGUF } from '../fixtures/golden-dots1.ts';
import { editedGguf } from './edited-gguf.ts';
import { type CliOptions, runCli } from './run-cli.ts';

const folder = mkdtempSync(join(tmpdir(), 'dots-bad-'));
afterAll(() => rmSync(folder, { recursive: true }));
const at = (name: string): string => join(folder, name);

/** Runs a command that has to fail with one `error:` line and one `hint:` line and nothing on stdout. */
async function failure(code: 1 | 2, argv: string[], options?: CliOptions): Promise<string> {
  const result = await runCli(argv, options);
  expect(result).toMatchObject({ code, stdout: '' });
  expect(result.stderr).toMatch(/^error: [^\n]+\nhint: {2}[^\n]+\n$/);
  expect(result.stderr).not.toContain('internal:');
  return result.stderr;
}

const RUN = ['--prompt-tokens', '1,2,3', '--max-tokens', '1'];

describe('a model that cannot be opened', () => {
  it('is not a model at all', async () => {
    expect(await failure(2, ['info', at('absent.gguf')])).toContain('no such file');
    expect(await failure(2, ['info', at('absent')])).toContain('no such file');
    writeFileSync(at('page.gguf'), '<!DOCTYPE html><html><body>404</body></html>'.padEnd(200));
    expect(await failure(1, ['info', at('page.gguf')])).toContain('it is a web page');
    writeFileSync(at('file'), 'text');
    expect(await failure(1, ['run', at('file'), ...RUN])).toContain('it is not a GGUF file');
  });

  it('is a directory where a file is required', async () => {
    mkdirSync(at('folder.gguf'));
    expect(await failure(1, ['info', at('folder.gguf')])).toContain('config.json');
    mkdirSync(at('empty'));
    expect(await failure(1, ['run', at('empty'), ...RUN])).toContain('config.json');
    expect(await failure(2, ['run', TINY_HF_FOLDER, '--prompt-file', at('empty')])).toContain(
      'it is a folder',
    );
  });

  it('has weights that are not numbers', async () => {
    const from = await openGguf(TINY_LLAMACPP_GGUF);
    const { name, sizeBytes } = from.tensors.get('output_norm.weight') as StoredTensor;
    await from.close();
    const broken = memorySource(
      new Uint8Array(new Float32Array(sizeBytes / 4).fill(Number.NaN).buffer),
      'nan',
    );
    const path = await editedGguf(at('nan.gguf'), {
      tensors: (tensors) =>
        tensors.map((tensor) => (tensor.name === name ? { ...tensor, source: broken, offset: 0 } : tensor)),
    });
    for (const temperature of ['0', '1'])
      expect(await failure(1, ['run', path, ...RUN, '--temperature', temperature])).toContain(
        'the logits of the model are not numbers',
      );
    expect(await failure(1, ['logits', path, '--tokens', '1,2'])).toContain(
      'Cannot predict what follows position 1: the logits of the model are not numbers',
    );
    await using model = await open(path);
    await expect(model.logits([1, 2]).next()).rejects.toMatchObject({ code: 'not-a-number' });
  });

  it('has a tokenizer without merges, or with more tokens than the embedding has rows', async () => {
    const merges = await editedGguf(at('merges.gguf'), { metadata: { 'tokenizer.ggml.merges': undefined } });
    expect(await failure(1, ['run', merges, ...RUN])).toMatch(/tokens of more than one byte, and no merges/);
    const from = await openGguf(TINY_LLAMACPP_GGUF);
    const tokens = [...getStringArray(from.metadata, 'tokenizer.ggml.tokens'), '<extra>'];
    const kinds = Int32Array.of(
      ...Array.from(findNumberArray(from.metadata, 'tokenizer.ggml.token_type') ?? []),
      4,
    );
    await from.close();
    const extra = await editedGguf(at('extra.gguf'), {
      metadata: {
        'tokenizer.ggml.tokens': { type: 'array', elementType: 'string', value: tokens },
        'tokenizer.ggml.token_type': { type: 'array', elementType: 'i32', value: kinds },
      },
    });
    expect(await failure(1, ['info', extra])).toMatch(/has 449 tokens, but the embedding has 448 rows/);
  });

  it('has another architecture', async () => {
    const path = await editedGguf(at('mamba.gguf'), {
      metadata: { 'general.architecture': { type: 'string', value: 'mamba' } },
    });
    for (const argv of [
      ['info', path],
      ['run', path, ...RUN],
      ['convert', path, at('out.gguf')],
    ])
      expect(await failure(1, argv)).toContain('"mamba"');
    mkdirSync(at('mamba-hf'));
    writeFileSync(at('mamba-hf/config.json'), '{"model_type":"mamba"}');
    writeFileSync(at('mamba-hf/model.safetensors'), readFileSync(join(TINY_HF_FOLDER, 'model.safetensors')));
    expect(await failure(1, ['info', at('mamba-hf')])).toContain('"mamba"');
  });

  it('lacks tensors: all are named at once', async () => {
    const gone = ['blk.1.ffn_down_exps.weight', 'output_norm.weight', 'blk.0.attn_q.weight'];
    const path = await editedGguf(at('missing.gguf'), {
      tensors: (tensors) => tensors.filter(({ name }) => !gone.includes(name)),
    });
    for (const argv of [
      ['info', path],
      ['run', path, ...RUN],
      ['convert', path, at('out')],
    ]) {
      const text = await failure(1, argv);
      for (const name of gone) expect(text).toContain(name);
    }
  });

  it('has tensors of wrong shapes: all are named at once', async () => {
    const wrong = ['blk.0.attn_q.weight', 'blk.2.attn_k.weight'];
    const path = await editedGguf(at('shapes.gguf'), {
      tensors: (tensors) =>
        tensors.map((tensor) => (wrong.includes(tensor.name) ? { ...tensor, shape: [128, 32] } : tensor)),
    });
    const text = await failure(1, ['run', path, ...RUN]);
    for (const name of wrong) expect(text).toContain(name);
    expect(text).toContain('expected [64,64]');
  });

  it('has a storage type that is not known', async () => {
    const bytes = new Uint8Array(readFileSync(TINY_LLAMACPP_GGUF));
    const name = Buffer.from('blk.0.attn_q.weight');
    // After the name: number of dimensions, two dimensions, then the type.
    bytes[Buffer.from(bytes).indexOf(name) + name.length + 4 + 16] = 99;
    writeFileSync(at('type.gguf'), bytes);
    expect(await failure(1, ['info', at('type.gguf')])).toMatch(/blk\.0\.attn_q\.weight.*99|99/);
  });

  it('is cut off', async () => {
    const bytes = readFileSync(TINY_LLAMACPP_GGUF);
    writeFileSync(at('cut.gguf'), bytes.subarray(0, bytes.length - 1000));
    expect(await failure(1, ['info', at('cut.gguf')])).toContain('cut.gguf');
    writeFileSync(at('header.gguf'), bytes.subarray(0, 2000));
    expect(await failure(1, ['run', at('header.gguf'), ...RUN])).toContain('header.gguf');
  });
});

describe('an impossible request', () => {
  it('is longer than the context', async () => {
    const text = await failure(2, ['run', TINY_LLAMACPP_GGUF, '--prompt', 'a '.repeat(300), '--ctx', '64']);
    expect(text).toContain('room for 63');
    expect(await failure(2, ['run', TINY_LLAMACPP_GGUF, '--prompt', 'a', '--ctx', '4096'])).toContain('512');
    const ids = Array.from({ length: 513 }, () => 1).join();
    expect(await failure(2, ['logits', TINY_LLAMACPP_GGUF, '--tokens', ids])).toContain('513 tokens');
  });

  it('has token ids out of range', async () => {
    expect(await failure(2, ['run', TINY_LLAMACPP_GGUF, '--prompt-tokens', '1,448'])).toContain('448');
    expect(await failure(2, ['logits', TINY_LLAMACPP_GGUF, '--tokens', '99999'])).toContain('99999');
    expect(await failure(2, ['detokenize', TINY_LLAMACPP_GGUF, '--tokens', '5000'])).toContain('5,000');
  });

  it('goes to a model with an unreadable template', async () => {
    const path = await editedGguf(at('template.gguf'), {
      metadata: {
        'tokenizer.chat_template': { type: 'string', value: '{% for m in messages %}{{ m.content }' },
      },
    });
    expect(await failure(1, ['chat', path, '--message', 'Hello'])).toContain('chat template');
    // Nothing else needs the template.
    expect((await runCli(['info', path])).code).toBe(0);
    expect((await runCli(['run', path, ...RUN])).code).toBe(0);
  });

  it('needs a tokenizer where there is none', async () => {
    const path = await editedGguf(at('no-tokenizer.gguf'), {
      metadata: {
        'tokenizer.ggml.model': { type: 'string', value: 'no_vocab' },
        'tokenizer.ggml.tokens': undefined,
      },
    });
    expect(await failure(1, ['run', path, '--prompt', 'Hello'])).toContain('--prompt-tokens');
    expect(await failure(1, ['tokenize', path, '--text', 'Hello'])).toContain('no tokenizer');
    expect(await failure(1, ['chat', path, '--message', 'Hello'])).toContain('no tokenizer');
    const ids = await runCli([
      'run',
      path,
      '--prompt-tokens',
      '282,296,83,424,395',
      '--temperature',
      '0',
      '--max-tokens',
      '4',
    ]);
    expect(ids).toMatchObject({ code: 0, stdout: '276,268,67,383\n' });
    expect((await runCli(['logits', path, '--tokens', '1'])).code).toBe(0);
    expect((await runCli(['info', path])).stdout).toContain('none; commands take token ids');
  });

  it('has sampling options out of range, and is refused before a model is opened', async () => {
    expect(await failure(2, ['run', at('absent.gguf'), '--prompt', 'a', '--top-p', '1.5'])).toContain(
      '--top-p is 1.5',
    );
    expect(await failure(2, ['chat', at('absent.gguf'), '--message', 'a', '--temperature', '-1'])).toContain(
      '--temperature is -1',
    );
  });
});

describe('a command line that is misspelt', () => {
  it('gets a suggestion for commands, options and choices', async () => {
    expect(await failure(2, ['chta'])).toContain('did you mean chat?');
    expect(await failure(2, ['run', 'x.gguf', '--promt', 'a'])).toContain(
      'did you mean --prompt? dots run --help shows its options',
    );
    expect(await failure(2, ['run', 'x.gguf', '--backend', 'gpu'])).toContain('native, reference');
    expect(await failure(2, ['convert', 'a', 'b', '--type', 'q4'])).toContain('q8_0');
  });

  it('gets the values that an option takes', async () => {
    expect(await failure(2, ['run', 'x.gguf', '--max-tokens', 'many'])).toContain('whole number');
    expect(await failure(2, ['run', 'x.gguf', '--ctx', '0'])).toContain('1 or more');
    expect(await failure(2, ['logits', 'x.gguf', '--tokens', '1;2'])).toContain('1,2,3');
    expect(await failure(2, ['run', 'x.gguf', '--temperature', 'hot'])).toContain('a number');
    expect(await failure(2, ['logits', 'x.gguf'])).toContain('--tokens');
    expect(await failure(2, ['info', 'a', 'b'])).toMatch(/too many arguments/i);
    expect(await failure(2, ['bench', 'x.gguf', '-p', '0', '-n', '0'])).toContain('nothing to measure');
    const environment = { env: { DOTS_THREADS: 'all' } };
    expect(await failure(2, ['run', TINY_LLAMACPP_GGUF, ...RUN], environment)).toContain('DOTS_THREADS');
  });

  it('prints help to stderr when it names no command, and to stdout when asked', async () => {
    expect(await runCli([])).toMatchObject({ code: 2, stdout: '' });
    expect((await runCli([])).stderr).toContain('Usage: dots');
    for (const command of ['info', 'run', 'chat', 'tokenize', 'detokenize', 'logits', 'convert', 'bench']) {
      const help = await runCli([command, '--help']);
      expect(help).toMatchObject({ code: 0, stderr: '' });
      expect(help.stdout).toContain(`$ dots ${command} `);
      expect(help.stdout).toContain('--json');
      // Only what computes has threads; the others accept the option without showing it.
      const computes = ['run', 'chat', 'logits', 'bench'].includes(command);
      for (const option of ['--threads', '--backend']) expect(help.stdout.includes(option)).toBe(computes);
    }
    expect((await runCli(['info', '--threads', '1', '--backend', 'native'])).code).toBe(0);
  });

  it('gets the version from -v, -V and --version', async () => {
    for (const flag of ['-v', '-V', '--version'])
      expect((await runCli([flag])).stdout).toMatch(/^\d+\.\d+\.\d+\n$/);
  });

  it('gets the help of a command within a command', async () => {
    for (const words of [
      ['info'],
      ['tokenizer'],
      ['tokenizer', 'train'],
      ['train', 'report'],
      ['data', 'sample'],
    ]) {
      const help = await runCli(['help', ...words]);
      expect(help.stdout).toBe((await runCli([...words, '--help'])).stdout);
      expect(help.stdout).toContain(`Usage: dots ${words.join(' ')} `);
      expect(help.code).toBe(0);
    }
    expect((await runCli(['help'])).stdout).toBe((await runCli(['--help'])).stdout);
    expect(await failure(2, ['help', 'tokenizer', 'trian'])).toContain('choose one of train');
    expect(await failure(2, ['help', 'run', 'fast'])).toContain('run has no commands');
  });

  it.each([
    [['run', 'Once upon a time'], 'dots run --prompt "Once upon a time"'],
    [['chat', 'Why does it rain?'], 'dots chat --message "Why does it rain?"'],
    [['tokenize', 'Hello'], 'dots tokenize --text "Hello"'],
    [['detokenize', '1,2', '--tokens', '3'], 'dots detokenize --tokens "1,2"'],
  ])('gets the option for a text in place of the model: %j', async (argv, hint) => {
    expect(await failure(2, argv, { stdin: '' })).toContain(hint);
  });

  it('is refused with a JSON file of its own in words that do not send anyone to fetch it', async () => {
    writeFileSync(at('run.json'), '{ "out": "x", }');
    for (const command of ['train', 'sft']) {
      const stderr = await failure(1, [command, at('run.json')]);
      expect(stderr).toContain('line 1, column 15');
      expect(stderr).toContain('correct the file there');
      expect(stderr).not.toContain('fetch');
    }
  });
});

describe('a command without MODEL', () => {
  it.each([
    [['info']],
    [['tokenize', '--text', 'Hi']],
    [['detokenize', '--tokens', '1']],
    [['logits', '--tokens', '1']],
    [['run', '--prompt', 'Hi', '--max-tokens', '1']],
    [['bench', '-p', '1', '-n', '0', '-r', '1']],
  ])('uses mini: %j', async (argv) => {
    const { code, stderr } = await runCli(argv);
    expect({ code, stderr: code === 0 ? '' : stderr }).toEqual({ code: 0, stderr: '' });
  });
});

it('control characters of a file do not reach the terminal', async () => {
  const path = await editedGguf(at('escape.gguf'), {
    metadata: { 'general.name': { type: 'string', value: 'a\x1b[31mb' } },
    tensors: (tensors) => tensors.map((tensor, i) => (i === 0 ? { ...tensor, name: 'x\x1b[2J' } : tensor)),
  });
  const { stderr } = await runCli(['info', path], { isTerminal: true, env: { NO_COLOR: '1' } });
  expect(stderr).toContain('x\ufffd[2J');
  expect(stderr).not.toContain('\x1b');
  const named = await editedGguf(at('named.gguf'), {
    metadata: { 'general.name': { type: 'string', value: 'a\x1b[5mb' } },
  });
  expect((await runCli(['info', named])).stdout).toMatch(/^a\ufffd\[5mb\n/);
});

it('none of these left a file', () => {
  const left = readdirSync(folder).filter((name) => /out|partial/.test(name));
  expect(left).toEqual([]);
});
