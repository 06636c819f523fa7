/** All commands with their options. The code of a command is loaded when it is called, so that help is printed at once. */
import { Command, Option } from 'commander';
import { UsageError } from '../core/errors.ts';
import { MAX_TIMER_SECONDS } from '../core/units.ts';
import { addPipelineCommands } from './data-program.ts';
import { addHubCommands } from './hub-program.ts';
import { Interrupts } from './interrupts.ts';
import { addModelFileCommands } from './model-file-program.ts';
import {
  addCommonOptions,
  addFileOptions,
  addModelOptions,
  addSamplingOptions,
  between,
  count,
  countList,
  examples,
  expertCacheOption,
  expertIoOption,
  MODEL_OR_MINI,
  positive,
  positiveList,
  size,
  tokenList,
} from './options.ts';
import { packageVersion } from './package-version.ts';
import type { Session } from './session.ts';

const CONTROL = 'encode control tokens such as <|userprompt|> as control tokens';

export function buildProgram(session: Session): Command {
  const program = new Command('dots')
    .description('Run, serve, quantise and train mixture-of-experts language models such as dots.llm1')
    .version(packageVersion(), '-v, --version', 'print the version')
    .helpOption('-h, --help', 'print this help')
    .helpCommand(false)
    .exitOverride()
    .configureOutput({
      writeOut: (text) => void session.io.stdout.write(text),
      writeErr: (text) => void session.io.stderr.write(text),
      getOutHelpWidth: () => helpWidth(session.io.stdout.columns),
      getErrHelpWidth: () => helpWidth(session.io.stderr.columns),
      // main() prints errors, ours and these, in one form.
      outputError: () => {},
    })
    .configureHelp({
      showGlobalOptions: false,
      // Choices are named in the descriptions; commander would list them in quotes and break the line.
      optionDescription: ({ description, defaultValue, defaultValueDescription }) =>
        defaultValue === undefined
          ? description
          : `${description} (default: ${defaultValueDescription ?? String(defaultValue)})`,
    });
  addInfo(program, session);
  addRun(program, session);
  addChat(program, session);
  addServe(program, session);
  addTokenize(program, session);
  addTokenizer(program, session);
  addData(program, session);
  addTrain(program, session);
  addLogits(program, session);
  addModelFileCommands(program, session);
  addHubCommands(program, session);
  addBench(program, session);
  addHelp(program);
  return program.addHelpText(
    'after',
    examples('run model.gguf --prompt "The meaning of life is"', 'info model.gguf'),
  );
}

/** commander's own takes one word, and so shows the help of `tokenizer` for `help tokenizer train`. */
function addHelp(program: Command): void {
  program
    .command('help')
    .description('print the help of a command')
    .argument('[COMMAND...]', 'command, such as chat or tokenizer train')
    .action((words: readonly string[]) => {
      let command = program;
      for (const [i, word] of words.entries()) {
        const found = command.commands.find((child) => child.name() === word);
        if (!found) throw unknownCommand(command, words.slice(0, i + 1));
        command = found;
      }
      command.help();
    });
}

function unknownCommand(parent: Command, words: readonly string[]): UsageError {
  const names = parent.commands.map((child) => child.name());
  return new UsageError(`There is no command ${words.join(' ')}`, {
    code: 'unknown-command',
    hint:
      names.length > 0
        ? `choose one of ${names.join(', ')}`
        : `${words.slice(0, -1).join(' ')} has no commands`,
  });
}

function addInfo(program: Command, session: Session): void {
  const command = program
    .command('info')
    .description('show a model: architecture, parameters, types, memory, tokenizer')
    .argument('[MODEL]', MODEL_OR_MINI)
    .option('--tensors', 'list all tensors');
  addFileOptions(command)
    .addHelpText(
      'after',
      examples('info', 'info model.gguf', 'info model.gguf --tensors', 'info ./folder --json'),
    )
    .action(async (model, flags) => (await import('./info.ts')).info(session, model, flags));
}

function addRun(program: Command, session: Session): void {
  const command = program
    .command('run')
    .description('complete a prompt')
    .argument('[MODEL]', MODEL_OR_MINI)
    .option('-p, --prompt <TEXT>', 'prompt (default: read from stdin)')
    .option('-f, --prompt-file <FILE>', 'file with the prompt, - for stdin; drops one newline at the end')
    .option('--prompt-tokens <IDS>', 'prompt as token ids: 1,2,3', tokenList)
    .option('--control', CONTROL);
  addCommonOptions(addModelOptions(addSamplingOptions(command)))
    .addHelpText(
      'after',
      examples(
        'run model.gguf --prompt "Once upon a time" --max-tokens 100',
        'run model.gguf --prompt "2 + 2 =" --temperature 0 --stop .',
        'run model.gguf < story.txt',
        'run model.gguf --prompt-tokens 1,2,3 --json',
      ),
    )
    .action(async (model, flags) => (await import('./run.ts')).run(session, model, flags));
}

function addChat(program: Command, session: Session): void {
  const command = program
    .command('chat')
    .description('chat in the terminal')
    .argument('[MODEL]', MODEL_OR_MINI)
    .option('-s, --system <TEXT>', 'system prompt (default: that of the chat template)')
    .option('-m, --message <TEXT>', 'send one message, print the answer and exit');
  addCommonOptions(addModelOptions(addSamplingOptions(command)))
    .addHelpText(
      'after',
      examples(
        'chat model.gguf',
        'chat model.gguf --system "Answer in French." --temperature 0.7',
        'chat model.gguf --message "Who won the world series in 2020?" --json',
        'chat model.gguf < questions.txt',
      ),
    )
    .action(async (model, flags) => (await import('./chat.ts')).chat(session, model, flags));
}

function addServe(program: Command, session: Session): void {
  const command = program
    .command('serve')
    .description('serve the OpenAI and Anthropic APIs and a chat page on one port')
    .argument('[MODEL]', MODEL_OR_MINI)
    .option('--host <ADDRESS>', 'address; all but loopback require a key', '127.0.0.1')
    .addOption(
      new Option('-p, --port <N>', 'port to listen on, 0 for any')
        .argParser(between(0, 65_535))
        .default(8000),
    )
    .option('--api-key <KEY...>', 'accepted API keys; other users can see them in the process list')
    .option('--api-key-file <FILE>', 'file with API keys, one per line (also: DOTS_API_KEY)')
    .option('--served-model-name <NAME>', 'model name for clients (default: name of the file)')
    .option('--alias <NAME...>', 'additional model names for clients')
    .option('--max-model-len <N>', 'same as --ctx', positive)
    .addOption(new Option('--parallel <N>', 'most sequences in a batch').argParser(positive).default(8))
    .option('--kv-size <SIZE>', 'KV cache size, such as 4GB (default: at most half the free memory)', size)
    .option('--prefix-cache <SIZE>', 'most KV cache for cached prefixes (default: all that is free)', size)
    .option('--cors-origin <ORIGIN...>', 'web origins that may use the server, * for any')
    .option('--insecure', 'listen on the network without an API key')
    .option('--strict', 'reject requests with unknown fields')
    .option(
      '--timeout <SECONDS>',
      'longest duration of a request in seconds (default: 3600)',
      between(1, MAX_TIMER_SECONDS),
    )
    .addOption(
      new Option('--drain <SECONDS>', 'seconds for running answers after SIGTERM')
        .argParser(between(0, MAX_TIMER_SECONDS))
        .default(30),
    );
  addCommonOptions(addModelOptions(command))
    .addHelpText(
      'after',
      examples(
        'serve model.gguf',
        'serve model.gguf --port 8080 --served-model-name dots1 --parallel 16',
        'serve model.gguf --host 0.0.0.0 --api-key-file keys.txt',
      ),
    )
    .action(async (model, flags) => {
      // Signals count from here: the code of the server takes a moment to load.
      const interrupts = new Interrupts(session);
      await (await import('./serve.ts')).serve(session, model, flags, interrupts);
    });
}

function addTokenize(program: Command, session: Session): void {
  const tokenize = program
    .command('tokenize')
    .description('convert text to token ids')
    .argument('[MODEL]', MODEL_OR_MINI)
    .option('-t, --text <TEXT>', 'text to encode')
    .option('-f, --file <FILE>', 'file to encode, - for stdin')
    .option('--control', CONTROL);
  addFileOptions(tokenize)
    .addHelpText(
      'after',
      examples(
        'tokenize --text "Hello"',
        'tokenize model.gguf --text "Hello, world!"',
        'tokenize model.gguf --file book.txt --json',
      ),
    )
    .action(async (model, flags) => (await import('./tokenize.ts')).tokenize(session, model, flags));

  const detokenize = program
    .command('detokenize')
    .description('convert token ids to text')
    .argument('[MODEL]', MODEL_OR_MINI)
    .requiredOption('-t, --tokens <IDS>', 'token ids: 1,2,3', tokenList);
  addFileOptions(detokenize)
    .addHelpText('after', examples('detokenize model.gguf --tokens 9707,11,1879,0'))
    .action(async (model, flags) => (await import('./tokenize.ts')).detokenize(session, model, flags));
}

function addTokenizer(program: Command, session: Session): void {
  const tokenizer = program.command('tokenizer').description('train tokenizers');
  const train = tokenizer
    .command('train')
    .description('train a byte-level BPE tokenizer and write a tokenizer.json')
    .argument('<FILES...>', 'plain text, or .jsonl with one document per line; .gz is allowed')
    .requiredOption('--vocab-size <N>', 'tokens in the vocabulary, including control tokens', positive)
    .requiredOption('-o, --out <FILE>', 'tokenizer.json to write')
    .option('--field <NAME>', 'field of .jsonl documents with the text (default: text)')
    .option('--min-frequency <N>', 'fewest occurrences of a merged pair (default: 2)', positive)
    .option('--max-token-length <N>', 'longest token in bytes (default: no limit)', positive)
    .option('--special-token <TEXT...>', 'control tokens (default: those of dots.llm1)')
    .option('--max-bytes-per-file <N>', 'bytes of text read from each file (default: all)', positive)
    .option('--no-normalize', 'skip Unicode normalisation (NFC)');
  addFileOptions(train)
    .addHelpText('after', examples('tokenizer train corpus/*.jsonl --vocab-size 16000 --out tokenizer.json'))
    .action(async (files, flags) => (await import('./tokenizer.ts')).tokenizerTrain(session, files, flags));
}

function addData(program: Command, session: Session): void {
  const data = program.command('data').description('prepare training data');
  const tokenizeData = data
    .command('tokenize')
    .description('tokenize documents into a token shard for training')
    .argument('<FILES...>', '.jsonl with one document per line; .gz is allowed')
    .requiredOption('--tokenizer <FILE>', 'tokenizer.json, or a model that contains a tokenizer')
    .requiredOption('-o, --out <FILE>', 'token shard to write')
    .option('--field <NAME>', 'field with the text (default: text)')
    .option('--source <REGEX>', 'keep documents whose field "source" matches (default: all)')
    .option('--language <NAME>', 'language label of the shard, such as en or zh, used in reports')
    .option(
      '--max-tokens <N>',
      'stop after the document that reaches N tokens (default: no limit)',
      positive,
    );
  addFileOptions(tokenizeData)
    .addHelpText(
      'after',
      examples('data tokenize en.jsonl.gz --tokenizer tokenizer.json --language en --out en.tok'),
    )
    .action(async (files, flags) => (await import('./data-tokenize.ts')).dataTokenize(session, files, flags));

  const extractData = data
    .command('extract')
    .description('extract the main text of web pages')
    .argument('<FILES...>', '.jsonl with {id, url, html} on each line; .gz is allowed, - for stdin')
    .requiredOption('-o, --out <FILE>', '.jsonl to write, with {id, text, title, pageType} on each line')
    .option('--errors <FILE>', 'table of lines that failed (default: OUT.errors.jsonl)')
    .option('--threads <N>', 'pages extracted at once (default: one per core)', positive)
    .option('--json', 'print a summary as JSON');
  extractData
    .addHelpText(
      'after',
      examples(
        'data extract pages.jsonl.gz --out text.jsonl',
        'data extract - --out text.jsonl --json < pages.jsonl',
      ),
    )
    .action(async (files, flags) => (await import('./data-extract.ts')).dataExtract(session, files, flags));
  addPipelineCommands(data, session);

  const sample = data
    .command('sample')
    .description('sample answers and keep those that a verifier accepts')
    .argument('[MODEL]', MODEL_OR_MINI)
    .requiredOption('--questions <FILES...>', '.jsonl conversations that end with the correct answer')
    .requiredOption('-o, --out <FILE>', '.jsonl file for the accepted conversations')
    .addOption(new Option('--verifier <NAME>', 'verifier: math').choices(['math']).default('math'))
    .option('--samples <N>', 'most answers sampled per question', positive, 4)
    .option('--keep <N>', 'most different accepted answers kept per question', positive, 1);
  addCommonOptions(addSamplingOptions(addModelOptions(sample), { maxTokens: '256', seed: '0' }))
    .addHelpText(
      'after',
      examples('data sample model.gguf --questions problems.jsonl --samples 8 --out accepted.jsonl'),
    )
    .action(async (model, flags) => (await import('./data-sample.ts')).dataSample(session, model, flags));
}

function addTrain(program: Command, session: Session): void {
  const train = addTraining(program, 'train', 'train a model from the configuration in a JSON file').action(
    async (file, flags) => (await import('./train.ts')).trainCommand(session, file, flags),
  );
  const report = train
    .command('report')
    .description('write loss curves and expert loads of a run as one HTML page')
    .argument('<RUN>', 'JSON file or folder of a run')
    .option('-o, --out <FILE>', 'page to write (default: report.html in the folder of the run)');
  addFileOptions(report)
    .addHelpText('after', examples('train report run.json'))
    // Options that "train" has too are parsed as options of "train", whatever their position.
    .action(async (run, _, self: Command) =>
      (await import('./train-report.ts')).trainReport(session, run, self.optsWithGlobals()),
    );
  addTraining(program, 'sft', 'fine-tune a model on conversations, with loss on answers only').action(
    async (file, flags) => (await import('./train.ts')).sftCommand(session, file, flags),
  );
}

/** A command that takes the JSON file of a run. */
function addTraining(program: Command, name: string, description: string): Command {
  const command = program
    .command(name)
    .description(description)
    .argument('<RUN.json>', 'configuration of the run, described in docs/training.md')
    .option('--resume', 'continue from the newest checkpoint of the run, if there is one');
  return addCommonOptions(command).addHelpText(
    'after',
    examples(`${name} run.json`, `${name} run.json --resume`),
  );
}

function addLogits(program: Command, session: Session): void {
  const command = program
    .command('logits')
    .description('print raw logits of the next token')
    .argument('[MODEL]', MODEL_OR_MINI)
    .requiredOption('-t, --tokens <IDS>', 'token ids: 1,2,3', tokenList)
    .option('--all', 'print logits after every token instead of the last only')
    .option('-o, --out <FILE>', 'file for all logits: little-endian f32, one row per position');
  // Raw logits are compared with other implementations; rounding the KV cache to f16 alone changes them by a thousandth.
  addCommonOptions(addModelOptions(command, 'f32'))
    .addHelpText(
      'after',
      examples('logits model.gguf --tokens 1,2,3', 'logits model.gguf --tokens 1,2,3 --all --out scores.f32'),
    )
    .action(async (model, flags) => (await import('./logits.ts')).logits(session, model, flags));
}

function addBench(program: Command, session: Session): void {
  const command = program
    .command('bench')
    .description('measure tokens per second')
    .argument('[MODEL]', MODEL_OR_MINI)
    .addOption(
      list('-p, --prompt-tokens <N,…>', 'prompt lengths for prefill in tokens, 0 for none', countList, 512),
    )
    .addOption(list('-n, --new-tokens <N,…>', 'tokens to decode, 0 for none', countList, 128))
    .addOption(list('-d, --depth <N,…>', 'tokens in the KV cache before decode', countList, 0))
    .option('-r, --repetitions <N>', 'repetitions per measurement', positive, 3)
    .addOption(list('--parallel <N,…>', 'sequences in the batch', positiveList, 1))
    .option('--seed <N>', 'seed of the random prompts', count, 1)
    .addOption(
      new Option('--kv-type <TYPE>', 'storage type of the KV cache: f16, q8_0 or f32')
        .choices(['f16', 'q8_0', 'f32'])
        .default('f16'),
    )
    .addOption(expertCacheOption())
    .addOption(expertIoOption())
    .addOption(
      new Option('--isa <NAME>', 'instruction set: portable, avx2, avx512 or neon (default: best)').choices([
        'portable',
        'avx2',
        'avx512',
        'neon',
      ]),
    );
  addCommonOptions(command)
    .addHelpText(
      'after',
      examples(
        'bench model.gguf',
        'bench model.gguf -p 128,512 -n 64 -r 5',
        'bench model.gguf -p 0 -n 128 -d 0,4096',
        'bench model.gguf -p 0 -n 128 --parallel 1,8',
      ),
    )
    .action(async (model, flags) => (await import('./bench.ts')).bench(session, model, flags));
}

function list(flags: string, description: string, parse: (text: string) => number[], value: number): Option {
  return new Option(flags, description).argParser(parse).default([value], String(value));
}

function helpWidth(columns: number | undefined): number {
  return Math.min(columns ?? 100, 120);
}
