// Writes docs/api.md from the declarations of the public surface: node scripts/api-docs.mjs. test/docs.test.ts checks that the
// page is current.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

const ROOT = join(dirname(fileURLToPath(import.meta.url)), '..');
export const API_PAGE = join(ROOT, 'docs', 'api.md');

const INTRODUCTION = `# API

After reading this page you know every function, class and type of the package. The shortest program:

\`\`\`ts
import { open } from 'dots.ts';
const model = await open('mini');
console.log((await model.ask('Why does it rain?')).text);
await model.close();
\`\`\`

[Examples](../examples/README.md) show the rest in programs of a screen each, [errors](errors.md) what can go wrong. This page is made
from the declarations by \`node scripts/api-docs.mjs\`.
`;

/** @type {readonly (readonly [title: string, names: readonly string[]])[]} */
const SECTIONS = [
  ['Open a model', ['open', 'ModelSource', 'OpenOptions']],
  ['Use it', ['Model', 'Conversation', 'ConversationOptions', 'Answer', 'Usage', 'Timings']],
  ['Options of an answer', ['ChatOptions', 'GenerateOptions', 'SamplingOptions']],
  ['Messages', ['Message', 'ChatMessage', 'ToolChatMessage']],
  [
    'Events of an answer',
    [
      'ChatEvent',
      'ChatFinishEvent',
      'GenerateEvent',
      'PromptProgressEvent',
      'PromptEndEvent',
      'TokenDeltaEvent',
      'FinishEvent',
      'FinishReason',
    ],
  ],
  ['Tools', ['Tool', 'ToolCallEvent', 'ToolResultEvent', 'ToolCall', 'ToolDefinition']],
  ['Structured output', ['compileConstraint', 'ConstraintSpec', 'Constraint', 'ConstraintState']],
  ['Server', ['createServer', 'CreateServerOptions', 'RunningServer', 'ServerOptions', 'createApp', 'App']],
  ['Tokens and logits', ['Tokenizer', 'PositionLogits', 'ChosenLogprob', 'TokenLogprob', 'ExpertIds']],
  ['Configuration', ['ModelConfig']],
  [
    'Tools by hand',
    [
      'messagesForTemplate',
      'toolMessages',
      'toolSupport',
      'ToolSupport',
      'ToolCallParser',
      'ToolCallParserOptions',
      'ToolDelta',
      'CallMemory',
    ],
  ],
  [
    'Text of web pages',
    ['extractPage', 'ExtractOptions', 'ExtractedPage', 'ScoredLine', 'PageType', 'decodeHtml', 'DecodedHtml'],
  ],
  [
    'Errors',
    [
      'DotsError',
      'UsageError',
      'FormatError',
      'ShapeError',
      'UnsupportedError',
      'ResourceError',
      'InternalError',
    ],
  ],
];

/** The page as the source would have it now. Throws for an export that no section names. */
export function apiPage() {
  const folder = mkdtempSync(join(tmpdir(), 'dots-api-'));
  try {
    writeDeclarations(folder);
    return pageOf(folder);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/**
 * The declarations that the package ships.
 * @param {string} folder
 */
export function writeDeclarations(folder) {
  const tsc = join(dirname(createRequire(import.meta.url).resolve('typescript/package.json')), 'bin', 'tsc');
  const args = [
    '-p',
    'tsconfig.build.json',
    '--emitDeclarationOnly',
    '--incremental',
    'false',
    '--outDir',
    folder,
  ];
  const { status, stdout } = spawnSync(process.execPath, [tsc, ...args, '--tsBuildInfoFile', 'null'], {
    cwd: ROOT,
    encoding: 'utf8',
  });
  if (status !== 0) throw new Error(stdout);
}

/** @param {string} folder */
function pageOf(folder) {
  const declarations = new Map(
    exportsOf(readFileSync(join(folder, 'index.d.ts'), 'utf8')).map(({ name, file }) => {
      const path = join(folder, file.replace(/\.ts$/, '.d.ts'));
      return [name, declarationOf(name, readFileSync(path, 'utf8'))];
    }),
  );
  const listed = new Set(SECTIONS.flatMap(([, names]) => names));
  const unlisted = [...declarations.keys()].filter((name) => !listed.has(name));
  const absent = [...listed].filter((name) => !declarations.has(name));
  if (unlisted.length > 0) throw new Error(`scripts/api-docs.mjs has no section for ${unlisted.join(', ')}`);
  if (absent.length > 0)
    throw new Error(`scripts/api-docs.mjs names what is not exported: ${absent.join(', ')}`);
  const sections = SECTIONS.map(([title, names]) => {
    const entries = names.map((name) => {
      const { text, code } = /** @type {Declaration} */ (declarations.get(name));
      return `### ${name}\n\n${text === '' ? '' : `${text}\n\n`}\`\`\`typescript\n${code}\n\`\`\`\n`;
    });
    return `## ${title}\n\n${entries.join('\n')}`;
  });
  return `${INTRODUCTION}\n${sections.join('\n')}`;
}

/**
 * @param {string} index
 * @returns {{ name: string, file: string }[]}
 */
function exportsOf(index) {
  return [...index.matchAll(/^export (?:type )?\{([^}]*)\} from '\.\/([^']+)';/gm)].flatMap(
    ([, names, file]) =>
      names
        .split(',')
        .map((name) => name.trim().replace(/^type /, ''))
        .filter((name) => name !== '')
        .map((name) => ({ name, file })),
  );
}

/**
 * @typedef {{ text: string, code: string }} Declaration
 */

/**
 * The comment before a declaration as text, and the declaration without what is private.
 * @param {string} name
 * @param {string} source
 * @returns {Declaration}
 */
function declarationOf(name, source) {
  const lines = source.split('\n');
  const pattern = new RegExp(
    `^export (?:declare )?(?:abstract )?(?:interface|type|class|function|const) ${name}\\b`,
  );
  const start = lines.findIndex((line) => pattern.test(line));
  if (start < 0) throw new Error(`there is no declaration of ${name}`);
  let end = start;
  for (let depth = 0; ; end++) {
    for (const character of withoutComments(lines[end])) {
      if ('{(['.includes(character)) depth++;
      if ('})]'.includes(character)) depth--;
    }
    if (depth === 0 && /[;}]$/.test(lines[end])) break;
  }
  let comment = start;
  if (lines[start - 1]?.endsWith('*/')) {
    do comment--;
    while (!lines[comment].startsWith('/**'));
  }
  return {
    text: commentText(lines.slice(comment, start)),
    code: withoutPrivate(lines.slice(start, end + 1))
      .join('\n')
      .replace(/^export (declare )?/, ''),
  };
}

/** @param {string} line */
function withoutComments(line) {
  return /^\s*(\/\*\*|\*)/.test(line) ? '' : line.replace(/\/\/.*$/, '').replace(/'[^']*'/g, '');
}

/** @param {readonly string[]} lines */
function commentText(lines) {
  return lines
    .map((line) =>
      line
        .replace(/^\/\*\*\s?/, '')
        .replace(/\s*\*\/$/, '')
        .replace(/^\s*\*\s?/, ''),
    )
    .join('\n')
    .trim();
}

/** @param {readonly string[]} lines */
function withoutPrivate(lines) {
  /** @type {string[]} */
  const kept = [];
  let comment = 0;
  for (const line of lines) {
    if (/^ {4}private /.test(line)) {
      kept.length = comment;
      continue;
    }
    // Where the comment of the next member begins.
    if (!/^ {4} \*/.test(line)) comment = /^ {4}\/\*\*/.test(line) ? kept.length : kept.length + 1;
    if (/^ {4}\/\*\*.*\*\/$/.test(line)) comment = kept.length;
    kept.push(line.replace(/^( {4})+/, (indent) => indent.slice(indent.length / 2)));
    if (!/^ {4}(\/\*\*| \*)/.test(line)) comment = kept.length;
  }
  return kept;
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) writeFileSync(API_PAGE, apiPage());
