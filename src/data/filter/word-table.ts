/**
 * Words of documents as numbers. Chunks (what spaces separate) repeat, so each is split once and then looked up; the
 * table is emptied when it is large, so that memory stays flat however long the input is.
 */
import {
  characterClasses,
  countCharacters,
  HAN,
  LETTER,
  PUNCTUATION,
  SENTENCE_END,
  SPACE,
  SYMBOL,
} from './characters.ts';
import { splitChunk } from './split-chunk.ts';

const HAS_LETTER = 1;
/** Anything but punctuation and symbols. */
const IS_WORD = 2;
const ENDS_SENTENCE = 4;
const IS_PUNCTUATION = 8;

/** Chunks kept at most: about 50 MB. */
const MAX_CHUNKS = 200_000;
const NUM_SLOTS = 2 ** 19;
/** Longer chunks are split each time. */
const MAX_CACHED_CHUNK = 48;

/** The words of one text. Valid until the next call of the table that made it. */
export interface Words {
  readonly count: number;
  /** Numbers of the words in order; equal where the words are. */
  readonly ids: Int32Array;
}

export class WordTable {
  /** Chunks by the hash of their text: the place in `chunkTexts` plus one, 0 for none. */
  private slots = new Int32Array(NUM_SLOTS);
  private chunkTexts: string[] = [];
  private chunkHashes: number[] = [];
  /** The word of a chunk; -1 where it is several. */
  private chunkIds: number[] = [];
  private chunkLists: (readonly number[] | undefined)[] = [];
  private idOfWord = new Map<string, number>();
  private words: string[] = [];
  private lengths: number[] = [];
  private flags: number[] = [];
  private ids = new Int32Array(1024);
  private isFull = false;
  private lineIds = new Int32Array(256);

  /** Length of a word in characters. */
  lengthOf(id: number): number {
    return this.lengths[id];
  }

  textOf(id: number): string {
    return this.words[id];
  }

  hasLetter(id: number): boolean {
    return (this.flags[id] & HAS_LETTER) !== 0;
  }

  /** False for words that hold only punctuation and symbols. */
  isWord(id: number): boolean {
    return (this.flags[id] & IS_WORD) !== 0;
  }

  /** English and other languages with spaces between words. */
  wordsOf(text: string): Words {
    this.emptyIfLarge();
    return this.split(text);
  }

  private split(text: string): Words {
    const classes = characterClasses();
    let count = 0;
    const { length } = text;
    for (let at = 0; at < length; ) {
      let unit = text.charCodeAt(at);
      if (classes[unit] & SPACE) {
        at++;
        continue;
      }
      const start = at;
      let hash = 0;
      // FNV-1a of the units
      do {
        hash = Math.imul(hash ^ unit, 0x01000193);
        if (++at === length) break;
        unit = text.charCodeAt(at);
      } while (!(classes[unit] & SPACE));
      const chunk = this.chunkAt(text, start, at, hash ^ (hash >>> 15));
      const id = chunk < 0 ? -1 : this.chunkIds[chunk];
      if (id >= 0) {
        if (count === this.ids.length) this.grow(count + 1);
        this.ids[count++] = id;
        continue;
      }
      const list =
        chunk < 0
          ? splitChunk(text.slice(start, at)).map((word) => this.idOf(word))
          : (this.chunkLists[chunk] as readonly number[]);
      if (count + list.length > this.ids.length) this.grow(count + list.length);
      for (const one of list) this.ids[count++] = one;
    }
    return { count, ids: this.ids };
  }

  /** Its place among the chunks, where it is put if it is new; -1 for one too long to be kept. */
  private chunkAt(text: string, start: number, end: number, hash: number): number {
    const length = end - start;
    if (length > MAX_CACHED_CHUNK || this.isFull) return -1;
    let slot = hash & (NUM_SLOTS - 1);
    for (let place = this.slots[slot]; place > 0; place = this.slots[slot]) {
      if (this.chunkHashes[place - 1] === hash) {
        const known = this.chunkTexts[place - 1];
        let i = known.length === length ? 0 : -1;
        while (i >= 0 && i < length && known.charCodeAt(i) === text.charCodeAt(start + i)) i++;
        if (i === length) return place - 1;
      }
      slot = (slot + 1) & (NUM_SLOTS - 1);
    }
    // A copy: a slice would keep the whole text in memory.
    const chunk = copyOf(text, start, end);
    const ids = splitChunk(chunk).map((word) => this.idOf(word));
    const place = this.chunkTexts.push(chunk);
    this.chunkHashes.push(hash);
    this.chunkIds.push(ids.length === 1 ? ids[0] : -1);
    this.chunkLists.push(ids.length === 1 ? undefined : ids);
    this.slots[slot] = place;
    // From here to the end of the document chunks are split each time.
    if (place >= MAX_CHUNKS) this.isFull = true;
    return place - 1;
  }

  countCharacterWords(line: string): number {
    [this.ids, this.lineIds] = [this.lineIds, this.ids];
    const { count } = this.splitCharacters(line);
    [this.ids, this.lineIds] = [this.lineIds, this.ids];
    return count;
  }

  /** Chinese: every Han character is a word, and so is a run of other letters and digits; punctuation is left out. */
  charactersOf(text: string): Words {
    this.emptyIfLarge();
    return this.splitCharacters(text);
  }

  private splitCharacters(text: string): Words {
    const classes = characterClasses();
    let count = 0;
    const { length } = text;
    for (let at = 0; at < length; ) {
      const bits = classes[text.charCodeAt(at)];
      if (bits & (SPACE | SYMBOL)) {
        at++;
        continue;
      }
      const start = at++;
      if (!(bits & HAN)) while (at < length && !(classes[text.charCodeAt(at)] & (SPACE | SYMBOL | HAN))) at++;
      if (count === this.ids.length) this.grow(count + 1);
      this.ids[count++] = this.idOf(text.slice(start, at));
    }
    return { count, ids: this.ids };
  }

  /** Words of a line, while those of the document stay valid. */
  countWords(line: string): number {
    [this.ids, this.lineIds] = [this.lineIds, this.ids];
    const { count } = this.split(line);
    [this.ids, this.lineIds] = [this.lineIds, this.ids];
    return count;
  }

  /** Sentences of a line: a new one starts with the first word after a mark that ends one. 0 for a line without words. */
  countSentences(line: string): number {
    // The words of a document stay valid while its lines are looked at.
    [this.ids, this.lineIds] = [this.lineIds, this.ids];
    const { count, ids } = this.split(line);
    [this.ids, this.lineIds] = [this.lineIds, this.ids];
    let numSentences = count > 0 ? 1 : 0;
    let hasEnded = false;
    for (let i = 0; i < count; i++) {
      const flags = this.flags[ids[i]];
      if (flags & ENDS_SENTENCE) hasEnded = true;
      else if (hasEnded && !(flags & IS_PUNCTUATION)) {
        numSentences++;
        hasEnded = false;
      }
    }
    return numSentences;
  }

  private idOf(word: string): number {
    const known = this.idOfWord.get(word);
    if (known !== undefined) return known;
    const id = this.words.length;
    this.idOfWord.set(word, id);
    this.words.push(word);
    this.lengths.push(countCharacters(word));
    this.flags.push(flagsOf(word));
    return id;
  }

  private emptyIfLarge(): void {
    if (!this.isFull && this.words.length < MAX_CHUNKS) return;
    this.isFull = false;
    this.slots = new Int32Array(NUM_SLOTS);
    this.chunkTexts = [];
    this.chunkHashes = [];
    this.chunkIds = [];
    this.chunkLists = [];
    this.idOfWord = new Map();
    this.words = [];
    this.lengths = [];
    this.flags = [];
  }

  private grow(count: number): void {
    const larger = new Int32Array(Math.max(count, 2 * this.ids.length));
    larger.set(this.ids);
    this.ids = larger;
  }
}

function copyOf(text: string, start: number, end: number): string {
  return Buffer.from(text.slice(start, end), 'utf16le').toString('utf16le');
}

function flagsOf(word: string): number {
  const classes = characterClasses();
  let all = PUNCTUATION | SYMBOL;
  let any = 0;
  for (let i = 0; i < word.length; i++) {
    const bits = classes[word.charCodeAt(i)];
    all &= bits;
    any |= bits;
  }
  const isSymbol = (all & SYMBOL) !== 0;
  const hasLetter = (any & LETTER) !== 0 || (/[\ud800-\udbff]/.test(word) && /\p{L}/u.test(word));
  const endsSentence = word.length === 1 && (any & SENTENCE_END) !== 0;
  return (
    (hasLetter ? HAS_LETTER : 0) |
    (isSymbol && !hasLetter ? 0 : IS_WORD) |
    (endsSentence ? ENDS_SENTENCE : 0) |
    (all & PUNCTUATION ? IS_PUNCTUATION : 0)
  );
}
