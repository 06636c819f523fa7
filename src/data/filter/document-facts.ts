/** What the rules measure, each computed when a rule first asks for it. */
import { characterClasses, countCharacters, HAN, LETTER } from './characters.ts';
import { type Duplicates, duplicatesAmong, GramCounter, type GramRepetition } from './repetition.ts';
import { type Words, WordTable } from './word-table.ts';

/** A document as rules see it. */
export interface RuleDocument {
  readonly url?: string;
  readonly title?: string;
  /** Lines end with a line feed. */
  readonly text: string;
  /** ISO 639 code; without one the script decides whether the rules for Chinese apply. */
  readonly language?: string;
}

/** Languages whose words have spaces between them, and Chinese, whose characters are counted instead. */
export type Script = 'spaced' | 'han';

/** Share of Han characters among letters from which on a text of unknown language counts as Chinese. */
const MIN_HAN_SHARE = 0.3;

const MAX_SENTENCES = 100;

/** Words and tables for one document after another, in one process. */
export class FactsMaker {
  readonly table = new WordTable();
  readonly counter = new GramCounter();

  /** Valid until the next document. */
  factsOf(document: RuleDocument, numTokens?: number): DocumentFacts {
    return new DocumentFacts(document, this, numTokens);
  }
}

export interface WordFacts {
  /** Punctuation included. */
  readonly numTokens: number;
  /** Without tokens that hold only punctuation and symbols. */
  readonly numWords: number;
  readonly numWordCharacters: number;
  readonly numWithLetter: number;
  /** Different ones of the list. */
  readonly numStopWords: number;
}

export class DocumentFacts {
  readonly document: RuleDocument;
  readonly text: string;
  private readonly maker: FactsMaker;
  private readonly known = new Map<string, unknown>();

  constructor(document: RuleDocument, maker: FactsMaker, numTokens?: number) {
    if (numTokens !== undefined) this.known.set('numTokens', numTokens);
    this.document = document;
    this.text = document.text;
    this.maker = maker;
  }

  get script(): Script {
    return this.once('script', () => {
      const { language } = this.document;
      if (language)
        return /^zh\b/.test(language) || language === 'yue' || language === 'wuu' ? 'han' : 'spaced';
      return this.hanShare > MIN_HAN_SHARE ? 'han' : 'spaced';
    });
  }

  /** Han characters among letters; 0 for a text without letters. */
  get hanShare(): number {
    return this.once('hanShare', () => {
      const classes = characterClasses();
      let numHan = 0;
      let numLetters = 0;
      for (let i = 0; i < this.text.length; i++) {
        const bits = classes[this.text.charCodeAt(i)];
        if (bits & LETTER) numLetters++;
        if (bits & HAN) numHan++;
      }
      return numLetters === 0 ? 0 : numHan / numLetters;
    });
  }

  get numCharacters(): number {
    return this.once('numCharacters', () => countCharacters(this.text));
  }

  /** What line feeds separate. */
  get lines(): readonly string[] {
    return this.once('lines', () => this.text.split('\n'));
  }

  get filledLines(): readonly string[] {
    return this.once('filledLines', () => this.lines.filter((line) => line.trim() !== ''));
  }

  get duplicateLines(): Duplicates {
    return this.once('duplicateLines', () => duplicatesAmong(splitAtBreaks(this.text, 1)));
  }

  get numDuplicateLineParts(): number {
    return this.once('lineParts', () => splitAtBreaks(this.text, 1).length);
  }

  get duplicateFilledLines(): Duplicates {
    return this.once('duplicateFilledLines', () => duplicatesAmong(this.filledLines));
  }

  get duplicateParagraphs(): Duplicates & { readonly total: number } {
    return this.once('duplicateParagraphs', () => {
      const parts = splitAtBreaks(this.text.trim(), 2);
      return { ...duplicatesAmong(parts), total: parts.length };
    });
  }

  /** Words, or the characters of Chinese. */
  get words(): Words {
    return this.once('words', () =>
      this.script === 'han' ? this.maker.table.charactersOf(this.text) : this.maker.table.wordsOf(this.text),
    );
  }

  /** Counted up to 100, line by line; in Chinese, marks that end one. */
  get numSentences(): number {
    return this.once('numSentences', () => {
      const isHan = this.script === 'han';
      let count = 0;
      for (const line of this.lines) {
        if (count >= MAX_SENTENCES) break;
        count += isHan
          ? (line.match(/\p{Sentence_Terminal}+/gu)?.length ?? 0)
          : this.maker.table.countSentences(line);
      }
      return count;
    });
  }

  /** How many words there are, punctuation included. */
  get numTokens(): number {
    return this.once('numTokens', () => this.words.count);
  }

  get grams(): GramRepetition {
    return this.once('grams', () => this.maker.counter.measure(this.words, this.maker.table));
  }

  /** Counts over all words; `stopWords` are compared as they are, capitals included. */
  wordFacts(stopWords: ReadonlySet<string>): WordFacts {
    return this.once('wordFacts', () => {
      const { table } = this.maker;
      const { count, ids } = this.words;
      let numWords = 0;
      let numWordCharacters = 0;
      let numWithLetter = 0;
      const found = new Set<string>();
      for (let i = 0; i < count; i++) {
        const id = ids[i];
        if (table.isWord(id)) {
          numWords++;
          numWordCharacters += table.lengthOf(id);
        }
        if (table.hasLetter(id)) numWithLetter++;
        if (found.size < stopWords.size && stopWords.has(table.textOf(id))) found.add(table.textOf(id));
      }
      return { numTokens: count, numWords, numWordCharacters, numWithLetter, numStopWords: found.size };
    });
  }

  private once<T>(name: string, compute: () => T): T {
    const known = this.known.get(name);
    if (known !== undefined) return known as T;
    const value = compute();
    this.known.set(name, value);
    return value;
  }
}

/** What runs of at least `least` line feeds separate; empty parts at the ends stay. */
export function splitAtBreaks(text: string, least: 1 | 2): string[] {
  if (least === 1) return text.split(/\n+/);
  return text.split(/\n{2,}/);
}
