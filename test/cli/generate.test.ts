import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { afterAll, describe, expect, it } from 'vitest';
import { goldenTinyHf, TINY_HF_FOLDER, TINY_LLAMACPP_GGUF } from '../fixtures/golden-dots1.ts';
import { runCli, runJson } from './run-cli.ts';

const folder = mkdtempSync(join(tmpdir(), 'dots-cli-'));
afterAll(() => rmSync(folder, { recursive: true }));

const [first] = goldenTinyHf().greedy;
const GREEDY = ['--backend', 'reference', '--temperature', '0', '--max-tokens', '12'];

interface Answer {
  text: string;
  tokens: number[];
  promptTokens: number[];
  finishReason: string;
  timings: Record<string, number>;
}

describe('dots run', () => {
  it('continues a prompt with the tokens that transformers picks', async () => {
    const result = await runJson<Answer>(['run', TINY_HF_FOLDER, '--prompt', first.prompt, ...GREEDY]);
    expect(result.promptTokens).toEqual(first.tokens);
    expect(result.tokens).toEqual(first.continuation.slice(0, 12));
    expect(first.text.startsWith(result.text)).toBe(true);
    expect(result.finishReason).toBe('length');
    expect(result.timings).toMatchObject({ promptTokens: first.tokens.length, predictedTokens: 12 });
    expect(Object.keys(result.timings).sort()).toEqual(
      [
        'predictedMs',
        'predictedPerSecond',
        'predictedTokens',
        'promptMs',
        'promptPerSecond',
        'promptTokens',
      ].sort(),
    );
  });

  it('writes the answer alone to stdout and the speed to stderr', async () => {
    const result = await runCli(['run', TINY_LLAMACPP_GGUF, '--prompt', first.prompt, ...GREEDY]);
    expect(result.code).toBe(0);
    // Text ends with a newline, also where the answer does not: the next line of a pipe begins there.
    expect(result.stdout.endsWith('\n')).toBe(true);
    expect(first.text.startsWith(result.stdout.slice(0, -1))).toBe(true);
    expect(result.stdout.length).toBeGreaterThan(20);
    expect(result.stderr).toMatch(/prompt 5 tokens.*answer 12 tokens.*token limit/);
  });

  it('takes the prompt from stdin or a file, less one newline at the end', async () => {
    const file = join(folder, 'prompt.txt');
    writeFileSync(file, `${first.prompt}\n`);
    const piped = await runJson<Answer>(['run', TINY_HF_FOLDER, ...GREEDY], { stdin: `${first.prompt}\r\n` });
    const read = await runJson<Answer>(['run', TINY_HF_FOLDER, '--prompt-file', file, ...GREEDY]);
    expect(piped.promptTokens).toEqual(first.tokens);
    expect(read.promptTokens).toEqual(first.tokens);
  });

  it('takes token ids, and reads control tokens in text only with --control', async () => {
    const ids = await runJson<Answer>(['run', TINY_HF_FOLDER, '--prompt-tokens', '434, 78,296', ...GREEDY]);
    expect(ids.promptTokens).toEqual([434, 78, 296]);
    const text = ['run', TINY_HF_FOLDER, '--prompt', '<|userprompt|>', ...GREEDY];
    expect((await runJson<Answer>([...text, '--control'])).promptTokens).toEqual([434]);
    expect((await runJson<Answer>(text)).promptTokens).not.toContain(434);
  });

  it('ends before a stop text, and the same seed gives the same answer', async () => {
    const stopped = await runJson<Answer>([
      'run',
      TINY_HF_FOLDER,
      '--prompt',
      first.prompt,
      ...GREEDY,
      '--stop',
      'rock',
      'xyz',
    ]);
    expect(first.text.slice(0, first.text.indexOf('rock'))).toBe(stopped.text);
    expect(stopped.finishReason).toBe('stop');
    const sampled = [
      'run',
      TINY_HF_FOLDER,
      '--prompt',
      'fog',
      '--seed',
      '7',
      '--max-tokens',
      '8',
      '--temperature',
      '1.5',
    ];
    const [a, b] = [await runJson<Answer>(sampled), await runJson<Answer>(sampled)];
    expect(a.tokens).toEqual(b.tokens);
  });

  it('ends when it was interrupted before it began to read stdin', async () => {
    const neverEnds = new PassThrough();
    const result = await runCli(['run', TINY_HF_FOLDER], { stdin: neverEnds, interruptAfterMs: 0 });
    expect(result).toMatchObject({ code: 130, stdout: '' });
  });

  it('refuses a missing prompt and two prompts', async () => {
    const none = await runCli(['run', TINY_HF_FOLDER]);
    expect(none).toMatchObject({ code: 2, stdout: '' });
    expect(none.stderr).toMatch(/^error: There is no prompt\nhint: {2}.*\n$/);
    const both = await runCli(['run', TINY_HF_FOLDER, '--prompt', 'a', '--prompt-tokens', '1']);
    expect(both).toMatchObject({ code: 2 });
    expect(both.stderr).toContain('--prompt and --prompt-tokens');
  });

  it('takes the model that ships with the project when none is given', async () => {
    const argv = ['--prompt', 'Once upon a time', '--max-tokens', '4', '--temperature', '0'];
    const result = await runCli(['run', ...argv]);
    expect(result.code).toBe(0);
    expect((await runCli(['run', 'mini', ...argv])).stdout).toBe(result.stdout);
  });
});

describe('dots chat', () => {
  const chat = goldenTinyHf().greedy.find(({ prompt }) => prompt.includes('How many steps')) as typeof first;
  const answerText = chat.text.replace(/<\|.*$/s, '');

  it('answers one message with --message, in the form of the template', async () => {
    const result = await runJson<Answer>([
      'chat',
      TINY_HF_FOLDER,
      '--message',
      'How many steps are there?',
      '--temperature',
      '0',
    ]);
    expect(result.promptTokens).toEqual(chat.tokens);
    expect(result.text).toBe(answerText);
    expect(result.finishReason).toBe('stop');
  });

  it('answers each line of a pipe and keeps the conversation', async () => {
    const stdin =
      'How many steps are there?\n/reset\nHow many steps are there?\n/nonsense\n\n/exit\nnever asked\n';
    const result = await runCli(['chat', TINY_HF_FOLDER, '--temperature', '0'], { stdin });
    expect(result).toMatchObject({ code: 0, stdout: `${answerText}\n${answerText}\n` });
    expect(result.stderr).toContain('there is no command /nonsense');
  });

  it('renders what was said before into the next prompt', async () => {
    // The second question comes with the first and its answer; /retry asks the last again.
    const once = await runCli(['chat', TINY_HF_FOLDER, '--temperature', '0'], { stdin: 'Hello!\n/retry\n' });
    const [a, b] = once.stdout.split('\n');
    expect(a).toBe(b);
    expect(a.length).toBeGreaterThan(3);
  });

  it('joins the lines between two """ to one message', async () => {
    const stdin = '"""How many steps\nare there?"""\n';
    const result = await runCli(['chat', TINY_HF_FOLDER, '--temperature', '0', '--max-tokens', '3'], {
      stdin,
    });
    expect(result.stdout.trimEnd().split('\n')).toHaveLength(1);
  });

  it('is interrupted once to stop the answer and again to leave', async () => {
    let numInterrupts = 0;
    const result = await runCli(
      ['chat', TINY_HF_FOLDER, '--temperature', '0', '--ignore-eos', '--max-tokens', '200'],
      {
        onStderr(text, interrupt) {
          // At the prompt after the stopped answer.
          if (text.includes('(stopped)')) setTimeout(interrupt, 10);
        },
        stdin: openInput('How many steps are there?\n'),
        onStdout(_, interrupt) {
          if (numInterrupts++ === 0) interrupt();
        },
      },
    );
    expect(result.code).toBe(130);
    expect(result.stderr).toContain('(stopped)');
    expect(result.stdout.length).toBeLessThan(60);
  });

  it('reads stdin in the same way with --json: one message per line, one document at the end', async () => {
    const argv = ['chat', TINY_HF_FOLDER, '--system', 'Be brief.', '--temperature', '0', '--max-tokens', '6'];
    const stdin = 'Hello\n\nAnd then?\n';
    const { stdout } = await runCli(argv, { stdin });
    const document = await runJson<Answer & { messages: { role: string; content: string }[] }>(argv, {
      stdin,
    });
    expect(document.messages.map(({ role }) => role)).toEqual([
      'system',
      'user',
      'assistant',
      'user',
      'assistant',
    ]);
    expect(document.messages[3].content).toBe('And then?');
    expect(`${document.messages[2].content}\n${document.text}\n`).toBe(stdout);
    expect(await runCli([...argv, '--json'], { stdin: '\n' })).toMatchObject({ code: 2, stdout: '' });
  });

  it('refuses --json without a message', async () => {
    const result = await runCli(['chat', TINY_HF_FOLDER, '--json']);
    expect(result).toMatchObject({ code: 2, stdout: '' });
  });
});

/** A pipe whose other end stays open. */
function openInput(text: string): PassThrough {
  const stream = new PassThrough();
  stream.write(text);
  return stream;
}
