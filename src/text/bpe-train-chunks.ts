import { CODE_POINT_CLASSES, LETTER, NUMBER, OTHER } from './unicode-classes.ts';

/** Punctuation of Chinese text, as common there as spaces elsewhere: ， 。 、 */
const CHINESE_STOPS = [0xff0c, 0x3002, 0x3001];

/**
 * Joins the chunks of a document and releases them in parts that can be normalised and pre-tokenised on their own:
 * `push(a) + push(b) + finish()` is the whole text, and every part ends where a piece ends in the whole text too.
 */
export class ChunkJoiner {
  private held: string[] = [];
  private lastUnit = '';

  /** Returns everything up to the last safe cut, possibly nothing. */
  push(chunk: string): string {
    const cut = lastSafeCut(this.lastUnit, chunk);
    if (chunk !== '') this.lastUnit = chunk[chunk.length - 1];
    if (cut < 0) {
      this.held.push(chunk);
      return '';
    }
    this.held.push(chunk.slice(0, cut));
    const released = this.held.join('');
    this.held = [chunk.slice(cut)];
    return released;
  }

  /** Ends the document: returns what was held back, and starts over. */
  finish(): string {
    const rest = this.held.join('');
    this.held = [];
    this.lastUnit = '';
    return rest;
  }
}

/** The last index of `chunk` where a cut is safe, with `before` standing in front of it; -1 where there is none. */
function lastSafeCut(before: string, chunk: string): number {
  for (let i = chunk.length - 1; i >= 0; i--) {
    const previous = i > 0 ? chunk[i - 1] : before;
    if (previous !== '' && isSafeCut(previous, chunk.charCodeAt(i))) return i;
  }
  return -1;
}

/**
 * No piece continues past a line break before text, or past a letter or digit before something else, and none looks
 * after its start. `next` must be a character that composes with nothing in front of it, and `previous` one that NFC
 * does not take apart, so that both parts are normalised to what they are in the whole.
 */
function isSafeCut(previous: string, next: number): boolean {
  const nextClass = CODE_POINT_CLASSES[next];
  if (previous === '\n') return nextClass === LETTER || nextClass === NUMBER || nextClass === OTHER;
  if (nextClass === LETTER || nextClass === NUMBER || (next > 0x7f && !CHINESE_STOPS.includes(next)))
    return false;
  const previousClass = CODE_POINT_CLASSES[previous.charCodeAt(0)];
  return (previousClass === LETTER || previousClass === NUMBER) && previous.normalize('NFD') === previous;
}
