/** All commands with their options. What a command does is loaded when it is called, so that help comes at once. */
import { readFileSync } from 'node:fs';
import { Argument, Command, Option } from 'commander';
import {
  addCommonOptions,
  addModelOptions,
  addSamplingOptions,
  count,
  countList,
  positive,
  positiveList,
  size,
  tokenList,
} from './options.ts';
import type { Session } from './session.ts';

const MODEL = 'a .gguf file (any file of a split model), a Hugging Face folder, or mini';

export function buildProgram(session: Session): Command {
  const program = new Command('dots')
    .description('dots.llm1, the open mixture-of-experts language model, from TypeScript')
    .version(packageVersion(), '-V, --version', 'print the version')
    .helpOption('-h, --help', 'print this help')
    .helpCommand('help [command]', 'print the help of a command')
    .exitOverride()
    .configureOutput({
      writeOut: (text) => void session.io.stdout.write(text),
      writeErr: (text) => void session.io.stderr.write(text),
      getOutHelpWidth: () => helpWidth(session.io.stdout.columns),
      getErrHelpWidth: () => helpWidth(session.io.stderr.columns),
      // main() prints errors, ours and these, in one form.
      outputError: () => {},
    })
    .configureHelp({ showGlobalOptions: false });
  addInfo(program, session);
  addRun(program, session);
  addChat(program, session);
  addServe(program, session);
  addTokenize(program, session);
  addTokenizer(program, session);
  addData(program, session);
  addTrain(program, session);
  addLogits(program, session);
  addPerplexity(program, session);
  addConvert(program, session);
  addBench(program, session);
  return program.addHelpText(
    'after',
    examples('run model.gguf --prompt "The meaning of life is"', 'info model.gguf'),
  );
}

function addInfo(program: Command, session: Session): void {
  const command = program
    .command('info')
    .description('what is in a model: architecture, parameters, types, memory needed, tokenizer')
    .argument('<MODEL>', MODEL)
    .option('--tensors', 'list all tensors');
  addCommonOptions(command)
    .addHelpText('after', examples('info model.gguf', 'info model.gguf --tensors', 'info ./folder --json'))
    .action(async (model, flags) => (await import('./info.ts')).info(session, model, flags));
}

function addRun(program: Command, session: Session): void {
  const command = program
    .command('run')
    .description('continue a text')
    .argument('[MODEL]', MODEL)
    .option('-p, --prompt <TEXT>', 'the text to continue')
    .option('-f, --prompt-file <FILE>', 'read it from a file (- is stdin); one newline at the end is dropped')
    .option('--prompt-tokens <IDS>', 'token ids instead of text: 1,2,3', tokenList)
    .option('--control', 'read control tokens such as <|userprompt|> in the text as such');
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
    .description('talk with the model')
    .argument('[MODEL]', MODEL)
    .option('-s, --system <TEXT>', 'how the model should behave')
    .option('-m, --message <TEXT>', 'say this, print the answer and end');
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
    .description('the OpenAI API and a chat page on one port')
    .argument('[MODEL]', MODEL)
    .option('--host <ADDRESS>', 'where to listen; another than this machine needs a key', '127.0.0.1')
    .addOption(new Option('-p, --port <N>', 'port').argParser(count).default(8000))
    .option('--api-key <KEY...>', 'clients need one of these (others can read it in the list of processes)')
    .option('--api-key-file <FILE>', 'keys, one a line; DOTS_API_KEY in the environment works too')
    .option('--served-model-name <NAME>', 'what clients call the model (default: the name of the file)')
    .option('--alias <NAME...>', 'further names, for tools that insist on one')
    .option('--max-model-len <N>', 'the same as --ctx', positive)
    .addOption(
      new Option('--parallel <N>', 'sequences that are computed together').argParser(positive).default(8),
    )
    .option(
      '--kv-size <SIZE>',
      'memory for keys and values (default: all of --parallel at full length, at most half of what is free)',
      size,
    )
    .option(
      '--prefix-cache <SIZE>',
      'of it, what may keep beginnings of earlier requests (default: whatever is free)',
      size,
    )
    .option('--cors-origin <ORIGIN...>', 'web pages that may use the server, * for any')
    .option('--insecure', 'listen to the network without a key')
    .option('--strict', 'refuse unknown fields of requests')
    .option('--timeout <SECONDS>', 'end requests that take longer (default: 3600)', positive)
    .addOption(
      new Option('--drain <SECONDS>', 'time for open answers when the server is told to end')
        .argParser(count)
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
    .action(async (model, flags) => (await import('./serve.ts')).serve(session, model, flags));
}

function addTokenize(program: Command, session: Session): void {
  const tokenize = program
    .command('tokenize')
    .description('text to token ids')
    .argument('<MODEL>', MODEL)
    .option('-t, --text <TEXT>', 'the text')
    .option('-f, --file <FILE>', 'read it from a file (- is stdin), as it is')
    .option('--control', 'read control tokens such as <|userprompt|> in the text as such');
  addCommonOptions(tokenize)
    .addHelpText(
      'after',
      examples('tokenize model.gguf --text "Hello, world!"', 'tokenize model.gguf --file book.txt --json'),
    )
    .action(async (model, flags) => (await import('./tokenize.ts')).tokenize(session, model, flags));

  const detokenize = program
    .command('detokenize')
    .description('token ids to text')
    .argument('<MODEL>', MODEL)
    .requiredOption('-t, --tokens <IDS>', 'token ids: 1,2,3', tokenList);
  addCommonOptions(detokenize)
    .addHelpText('after', examples('detokenize model.gguf --tokens 9707,11,1879,0'))
    .action(async (model, flags) => (await import('./tokenize.ts')).detokenize(session, model, flags));
}

function addTokenizer(program: Command, session: Session): void {
  const tokenizer = program.command('tokenizer').description('make tokenizers');
  const train = tokenizer
    .command('train')
    .description('learn a byte-level BPE vocabulary from text and write a tokenizer.json')
    .argument('<FILES...>', 'plain text, or .jsonl with one document a line; also with .gz')
    .requiredOption('--vocab-size <N>', 'tokens in all, special ones included', positive)
    .requiredOption('-o, --out <FILE>', 'the tokenizer.json to write')
    .option('--field <NAME>', 'field of .jsonl documents that holds the text (default: text)')
    .option('--min-frequency <N>', 'join only pairs seen at least this often', positive)
    .option('--max-token-length <N>', 'longest token in bytes', positive)
    .option('--special-token <TEXT...>', 'control tokens, in place of the usual ones')
    .option('--max-bytes-per-file <N>', 'read about this many bytes of text from each file', positive)
    .option('--no-normalize', 'leave text as it is instead of composing characters (NFC)');
  addCommonOptions(train)
    .addHelpText('after', examples('tokenizer train corpus/*.jsonl --vocab-size 16000 --out tokenizer.json'))
    .action(async (files, flags) => (await import('./tokenizer.ts')).tokenizerTrain(session, files, flags));
}

function addData(program: Command, session: Session): void {
  const data = program.command('data').description('make training data');
  const tokenizeData = data
    .command('tokenize')
    .description('turn documents into a token shard, which training reads')
    .argument('<FILES...>', '.jsonl with one document a line; also with .gz')
    .requiredOption('--tokenizer <FILE>', 'a tokenizer.json, or a model that has one')
    .requiredOption('-o, --out <FILE>', 'the shard to write')
    .option('--field <NAME>', 'field that holds the text (default: text)')
    .option('--source <REGEX>', 'only documents whose field "source" it matches')
    .option('--language <NAME>', 'en, zh: written into the shard; figures are reported by it')
    .option('--max-tokens <N>', 'stop behind the document that reaches this many tokens', positive);
  addCommonOptions(tokenizeData)
    .addHelpText(
      'after',
      examples('data tokenize en.jsonl.gz --tokenizer tokenizer.json --language en --out en.tok'),
    )
    .action(async (files, flags) => (await import('./data-tokenize.ts')).dataTokenize(session, files, flags));

  const sample = data
    .command('sample')
    .description('sample answers and keep those that a verifier accepts, as conversations for fine-tuning')
    .argument('[MODEL]', MODEL)
    .requiredOption('--questions <FILES...>', 'conversations that end with a right answer, as .jsonl')
    .requiredOption('-o, --out <FILE>', 'the accepted conversations, as .jsonl')
    .addOption(new Option('--verifier <NAME>', 'what accepts').choices(['math']).default('math'))
    .option('--samples <N>', 'answers drawn for each question, at most', positive, 4)
    .option('--keep <N>', 'different accepted answers kept for each question', positive, 1);
  addCommonOptions(addSamplingOptions(addModelOptions(sample)))
    .addHelpText(
      'after',
      examples('data sample model.gguf --questions problems.jsonl --samples 8 --out accepted.jsonl'),
    )
    .action(async (model, flags) => (await import('./data-sample.ts')).dataSample(session, model, flags));
}

function addTrain(program: Command, session: Session): void {
  const train = addTraining(program, 'train', 'train a model as a JSON file says (docs/training.md)').action(
    async (file, flags) => (await import('./train.ts')).trainCommand(session, file, flags),
  );
  const report = train
    .command('report')
    .description("a run's curves and the load of its experts, as one page")
    .argument('<RUN>', 'the JSON file of a run, or its folder')
    .option('-o, --out <FILE>', 'the page to write (default: report.html in the folder of the run)');
  addCommonOptions(report)
    .addHelpText('after', examples('train report run.json'))
    // Options that "train" has too are read as its own, wherever they stand.
    .action(async (run, _, self: Command) =>
      (await import('./train-report.ts')).trainReport(session, run, self.optsWithGlobals()),
    );
  addTraining(program, 'sft', 'fine-tune a model on conversations, with loss on the answers').action(
    async (file, flags) => (await import('./train.ts')).sftCommand(session, file, flags),
  );
}

/** A command that does what the JSON file of a run says. */
function addTraining(program: Command, name: string, description: string): Command {
  const command = program
    .command(name)
    .description(description)
    .argument('<RUN.json>', 'the run')
    .option('--resume', 'go on from the newest checkpoint of the run, if there is one');
  return addCommonOptions(command).addHelpText(
    'after',
    examples(`${name} run.json`, `${name} run.json --resume`),
  );
}

function addLogits(program: Command, session: Session): void {
  const command = program
    .command('logits')
    .description('raw scores of every possible next token')
    .argument('<MODEL>', MODEL)
    .requiredOption('-t, --tokens <IDS>', 'token ids: 1,2,3', tokenList)
    .option('--all', 'after every token, not only after the last')
    .option('-o, --out <FILE>', 'write all of them: little-endian f32, one row a position');
  // Whoever asks for raw logits compares them: f16 cells alone would move them by a thousandth.
  addCommonOptions(addModelOptions(command, 'f32'))
    .addHelpText(
      'after',
      examples('logits model.gguf --tokens 1,2,3', 'logits model.gguf --tokens 1,2,3 --all --out scores.f32'),
    )
    .action(async (model, flags) => (await import('./logits.ts')).logits(session, model, flags));
}

function addPerplexity(program: Command, session: Session): void {
  const command = program
    .command('perplexity')
    .description('how well a model predicts a text: perplexity and bits per byte')
    .argument('<MODEL>', MODEL)
    .requiredOption(
      '-f, --file <FILES...>',
      'plain text, or .jsonl with one document a line (also .gz), with figures for each "lang"',
    )
    .option('--field <NAME>', 'field of .jsonl documents that holds the text', 'text')
    .addOption(
      new Option('--ctx <N>', 'tokens of a window; each token is scored with at least half of it before it')
        .argParser(positive)
        .default(512),
    )
    .addOption(
      new Option('--kv-type <TYPE>', 'how the cache stores keys and values')
        .choices(['f16', 'q8_0', 'f32'])
        .default('f32'),
    );
  addCommonOptions(command)
    .addHelpText(
      'after',
      examples(
        'perplexity model.gguf --file book.txt',
        'perplexity mini --file en.jsonl.gz zh.jsonl.gz --json',
      ),
    )
    .action(async (model, flags) =>
      (await import('./perplexity.ts')).perplexityCommand(session, model, flags),
    );
}

function addConvert(program: Command, session: Session): void {
  const command = program
    .command('convert')
    .description('Hugging Face folder to GGUF, GGUF to Hugging Face folder, or one type to another')
    .argument('<IN>', 'a Hugging Face folder or a .gguf file')
    .argument('<OUT>', 'a name that ends in .gguf, or that of a folder to make')
    .addOption(
      new Option(
        '--type <TYPE>',
        'how to store matrices (default: as they are; bf16 if a folder cannot have that)',
      ).choices(['f32', 'f16', 'bf16', 'q8_0']),
    )
    .option('--force', 'replace OUT if it is there');
  addCommonOptions(command)
    .addHelpText(
      'after',
      examples(
        'convert ./dots.llm1.inst inst-q8_0.gguf --type q8_0',
        'convert model.gguf ./folder --type bf16',
      ),
    )
    .action(async (from, to, flags) => (await import('./convert.ts')).convert(session, from, to, flags));
}

function addBench(program: Command, session: Session): void {
  const command = program
    .command('bench')
    .description('measure tokens per second')
    .addArgument(new Argument('<MODEL>', MODEL))
    .addOption(
      list('-p, --prompt-tokens <N,…>', 'read prompts of this many tokens, 0 for none', countList, 512),
    )
    .addOption(list('-n, --new-tokens <N,…>', 'generate this many tokens, 0 for none', countList, 128))
    .addOption(list('-d, --depth <N,…>', 'with this many tokens before them', countList, 0))
    .option('-r, --repetitions <N>', 'measure each this often', positive, 3)
    .addOption(list('--parallel <N,…>', 'this many sequences at once', positiveList, 1))
    .option('--seed <N>', 'which random tokens', count, 1)
    .addOption(
      new Option('--kv-type <TYPE>', 'how the cache stores keys and values')
        .choices(['f16', 'q8_0', 'f32'])
        .default('f16'),
    )
    .addOption(
      new Option('--isa <NAME>', 'another instruction set than the best one').choices([
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

function examples(...lines: readonly string[]): string {
  return `\nExamples:\n${lines.map((line) => `  $ dots ${line}`).join('\n')}\n`;
}

function helpWidth(columns: number | undefined): number {
  return Math.min(columns ?? 100, 120);
}

function packageVersion(): string {
  const text = readFileSync(new URL('../../package.json', import.meta.url), 'utf8');
  return (JSON.parse(text) as { version: string }).version;
}
