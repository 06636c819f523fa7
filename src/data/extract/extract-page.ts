/** From HTML to the text that the page is about: parse, say what kind of page it is, score each line, keep the best set of lines. */
import { PageBudget, type PageLimits } from './budget.ts';
import { chooseLines } from './choose-lines.ts';
import { contextFeatures } from './context-features.ts';
import { type LineFeatures, lineFeatures } from './line-features.ts';
import { loadModels } from './load-models.ts';
import { PAGE_TYPES, type PageType, pageFeatures } from './page-features.ts';
import { parsePage } from './parse-page.ts';
import { renderLines } from './render-lines.ts';
import { titleOf } from './title.ts';
import { sumTrees, type TreeModel } from './tree-model.ts';

export interface ExtractOptions {
  /** Address of the page; it helps to find its type. */
  readonly url?: string | undefined;
  /** Also return all lines with their scores. */
  readonly lines?: boolean;
  readonly limits?: Partial<PageLimits>;
}

export interface ExtractedPage {
  /** One line for each line of the page that is kept; code blocks have lines of their own. May be empty. */
  readonly text: string;
  readonly title: string;
  readonly pageType: PageType;
  readonly lines?: readonly ScoredLine[];
}

export interface ScoredLine {
  readonly text: string;
  /** How probably the line belongs to the main text, from 0 to 1. */
  readonly score: number;
  readonly isKept: boolean;
}

/**
 * The main text of a page, its title and its type. The same page gives the same result on every machine. Throws `ResourceError`
 * (`page-too-large`, `page-too-deep`, `page-too-many-elements`, `page-too-slow`) for pages beyond `limits`.
 */
export function extractPage(html: string, options: ExtractOptions = {}): ExtractedPage {
  const budget = new PageBudget(options.limits);
  const page = parsePage(html, budget);
  const features = lineFeatures(page);
  const { stats } = features;
  budget.checkTime();
  const typeShares = pageTypeShares(pageFeatures(page, stats, options.url ?? ''));
  budget.checkTime();
  const scores = lineScores(features, typeShares, budget);
  const isKept = chooseLines(page.lines, stats, scores);
  const title = titleOf(page);
  return {
    text: renderLines(page, isKept),
    title,
    pageType: PAGE_TYPES[indexOfMost(typeShares)],
    ...(options.lines && {
      lines: page.lines.map(({ text }, i) => ({ text, score: scores[i], isKept: isKept[i] === 1 })),
    }),
  };
}

/** Probability of each of `PAGE_TYPES`. */
function pageTypeShares(features: Float32Array): Float32Array {
  const models = loadModels();
  const sums = PAGE_TYPES.map((type) => sumTrees(models.pageType(type), features, 0));
  const most = Math.max(...sums);
  const powers = sums.map((sum) => Math.exp(sum - most));
  const total = powers.reduce((a, b) => a + b);
  return Float32Array.from(powers, (power) => power / total);
}

function lineScores(
  { values, stats, surroundings }: LineFeatures,
  typeShares: Float32Array,
  budget: PageBudget,
): Float32Array {
  const models = loadModels();
  const numLines = stats.length;
  const numOwn = numLines > 0 ? values.length / numLines : 0;
  const scoresOf = (model: TreeModel, more: Float32Array): Float32Array => {
    const numMore = numLines > 0 ? more.length / numLines : 0;
    const row = new Float32Array(numOwn + typeShares.length + numMore);
    row.set(typeShares, numOwn);
    const scores = new Float32Array(numLines);
    for (let i = 0; i < numLines; i++) {
      budget.step();
      row.set(values.subarray(i * numOwn, (i + 1) * numOwn));
      row.set(more.subarray(i * numMore, (i + 1) * numMore), numOwn + typeShares.length);
      scores[i] = 1 / (1 + Math.exp(-sumTrees(model, row, 0)));
    }
    return scores;
  };
  const first = scoresOf(models.line, new Float32Array(0));
  return scoresOf(models.context, contextFeatures(first, stats, surroundings));
}

function indexOfMost(shares: Float32Array): number {
  return shares.indexOf(Math.max(...shares));
}
