/** Commands that measure, quantise, convert and mend the files of models. `program.ts` has all the others. */
import { type Command, Option } from 'commander';
import {
  addCommonOptions,
  addFileOptions,
  count,
  examples,
  MODEL_OR_MINI,
  positive,
  size,
  sizeBudget,
  typeRules,
} from './options.ts';
import type { Session } from './session.ts';

const TEXT_FILES = 'plain text, or .jsonl with one document per line; .gz is allowed';
const TEXT_FIELD = 'field of .jsonl documents with the text';

export function addModelFileCommands(program: Command, session: Session): void {
  addPerplexity(program, session);
  addImatrix(program, session);
  addQuantize(program, session);
  addCompare(program, session);
  addConvert(program, session);
  addDoctor(program, session);
}

/** Options of commands that score text. */
function addScoringOptions(command: Command): Command {
  return command
    .requiredOption('-f, --file <FILES...>', TEXT_FILES)
    .option('--field <NAME>', TEXT_FIELD, 'text')
    .option('--ctx <N>', 'context in tokens; at least half precedes a scored token', positive, 512)
    .addOption(
      new Option('--kv-type <TYPE>', 'storage type of the KV cache: f16, q8_0 or f32')
        .choices(['f16', 'q8_0', 'f32'])
        .default('f32'),
    );
}

function addPerplexity(program: Command, session: Session): void {
  const command = program
    .command('perplexity')
    .description('measure how well a model predicts text: perplexity, bits per byte')
    .argument('[MODEL]', MODEL_OR_MINI);
  addScoringOptions(command)
    .option('--save-logits <FILE>', 'file for the predictions, to compare other models with')
    .option('--kl-base <FILE>', 'predictions of another model, to measure the KL divergence from')
    .option('--force', 'overwrite the file of --save-logits');
  addCommonOptions(command)
    .addHelpText(
      'after',
      examples(
        'perplexity model.gguf --file book.txt',
        'perplexity mini --file en.jsonl.gz zh.jsonl.gz --json',
        'perplexity inst-q4_k_m.gguf --file book.txt --kl-base bf16.logits',
      ),
    )
    .action(async (model, flags) =>
      (await import('./perplexity.ts')).perplexityCommand(session, model, flags),
    );
}

function addImatrix(program: Command, session: Session): void {
  const command = program
    .command('imatrix')
    .description('make an importance matrix from text, for quantising')
    .argument('<MODEL>', 'GGUF file, Hugging Face folder, or mini')
    .argument('<OUT>', 'output: GGUF, or the older format for a name that ends in .dat')
    .option('-f, --file <FILES...>', TEXT_FILES)
    .option('--field <NAME>', TEXT_FIELD, 'text')
    .option('--ctx <N>', 'tokens in a chunk of text', positive, 512)
    .option('--chunks <N>', 'most chunks to read (default: all)', positive)
    .option('--merge <FILES...>', 'importance matrices of the same model to add')
    .option('--dry-run', 'print tokens and the memory that they take, write nothing')
    .option('--force', 'overwrite OUT, and what another run left of it');
  addCommonOptions(command)
    .addHelpText(
      'after',
      examples(
        'imatrix dots.llm1.inst.gguf imatrix.gguf --file texts.jsonl.gz wiki.txt',
        'imatrix dots.llm1.inst.gguf all.dat --merge english.gguf chinese.dat',
      ),
    )
    .action(async (model, out, flags) => (await import('./imatrix.ts')).imatrix(session, model, out, flags));
}

function addCompare(program: Command, session: Session): void {
  const command = program
    .command('compare')
    .description('measure the divergence of quantised models from the original')
    .argument('<BASE>', 'model to compare with: GGUF file, Hugging Face folder, or mini')
    .argument('<A...>', 'quantised files of it');
  addScoringOptions(command)
    .option('--worst <N>', 'positions and tensors that suffered most to print', count, 5)
    .option('--html <FILE>', 'write a page with table, charts and what suffered most');
  addCommonOptions(command)
    .addHelpText(
      'after',
      examples(
        'compare inst-bf16.gguf inst-q4_k_m.gguf inst-q3_k_m.gguf --file held-out.txt',
        'compare mini mini-q4_0.gguf --file README.md --json',
      ),
    )
    .action(async (base, models, flags) =>
      (await import('./compare.ts')).compare(session, base, models, flags),
    );
}

function addQuantize(program: Command, session: Session): void {
  const command = program
    .command('quantize')
    .description('store the weights of a model in fewer bits')
    .argument('<IN>', 'GGUF file (any shard of a split one) or Hugging Face folder')
    .argument('<OUT>', 'GGUF file to write')
    .option('-t, --type <TYPE>', 'mix of types: q4_k_m, q2_k, iq2_xxs, …, or f32, f16, bf16')
    .option(
      '--budget <SIZE>',
      'size of the file to search types for: 20GB or 3.2bpw (default: any)',
      sizeBudget,
    )
    .option('--decode-budget <SIZE>', 'most bytes of weights that a token reads (default: any)', size)
    .option('--calibration <FILES...>', 'text for the search: plain, or .jsonl; .gz is allowed')
    .option('--field <NAME>', TEXT_FIELD, 'text')
    .option('--texts <N>', 'most pieces of 128 tokens to search with', positive, 80)
    .addOption(
      new Option('--objective <NAME>', 'measure that the search makes small: kl or weight-error')
        .choices(['kl', 'weight-error'])
        .default('kl'),
    )
    .option('--recipe <FILE>', 'recipe to repeat: JSON, or a GGUF file that has one')
    .option('--imatrix <FILES...>', 'importance matrices (dots imatrix), added up')
    .option('--tensor-type <RULE>', 'REGEX=TYPE for tensors by name; repeatable, first match wins', typeRules)
    .option('--output-type <TYPE>', 'type of the output matrix')
    .option('--embedding-type <TYPE>', 'type of the embedding table')
    .option('--pure', 'one type for all matrices, without the exceptions of the mix')
    .addOption(
      new Option('--fallbacks <TABLE>', 'types of rows that blocks do not divide')
        .choices(['2026', 'mid-2025'])
        .default('2026'),
    )
    .option('--split-size <SIZE>', 'most bytes of a file, such as 40GB (default: one file)', size)
    .option('--keep-split', 'keep the tensors of each file of the input together')
    .option('--requantize', 'allow an input that is quantised already')
    .option('--dry-run', 'print types and sizes, write nothing')
    .option('--force', 'overwrite OUT');
  addCommonOptions(command)
    .addHelpText(
      'after',
      examples(
        'quantize dots.llm1.inst-bf16.gguf inst-q4_k_m.gguf --type q4_k_m',
        'quantize ./dots.llm1.inst inst-iq2_m.gguf --type iq2_m --imatrix imatrix.gguf --split-size 40GB',
        'quantize dots.llm1.inst-bf16.gguf inst-3.gguf --budget 3.2bpw --calibration texts.jsonl.gz',
        'quantize dots.llm1.inst-bf16.gguf again.gguf --recipe inst-3.gguf --imatrix inst-3.imatrix.gguf',
        'quantize mini mini-q6_k.gguf --type q6_k --tensor-type "ffn_down.*=q8_0" --requantize --dry-run',
      ),
    )
    .action(async (from, to, flags) => (await import('./quantize.ts')).quantize(session, from, to, flags));
}

function addDoctor(program: Command, session: Session): void {
  const command = program
    .command('doctor')
    .description('find and mend what is known to go wrong in GGUF files')
    .argument('[FILE]', 'GGUF file (any shard of a split one), or mini')
    .option('--fix <OUT>', 'write a mended file')
    .option('--imatrix <FILE>', 'examine whether this importance matrix is of the model')
    .option('--no-values', 'leave out the search for weights that are not numbers')
    .option('--force', 'overwrite the file of --fix');
  addFileOptions(command)
    .addHelpText('after', examples('doctor model.gguf', 'doctor model.gguf --fix mended.gguf --no-values'))
    .action(async (file, flags) => (await import('./doctor.ts')).doctor(session, file, flags));
}

function addConvert(program: Command, session: Session): void {
  const command = program
    .command('convert')
    .description('convert between Hugging Face folder and GGUF, or to another type')
    .argument('<IN>', 'Hugging Face folder or GGUF file')
    .argument('<OUT>', 'output: a name that ends in .gguf, or a folder')
    .option('--type <TYPE>', 'type of matrices: bf16, q8_0, q4_k, … (default: unchanged; bf16 for a folder)')
    .option('--force', 'overwrite OUT');
  addFileOptions(command)
    .addHelpText(
      'after',
      examples(
        'convert ./dots.llm1.inst inst-q8_0.gguf --type q8_0',
        'convert model.gguf ./folder --type bf16',
      ),
    )
    .action(async (from, to, flags) => (await import('./convert.ts')).convert(session, from, to, flags));
}
