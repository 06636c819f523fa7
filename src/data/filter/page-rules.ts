/**
 * The families that the report names without numbers: empty pages, advertisements and prompts to register, differences
 * between versions of wiki and code pages, structural anomalies, and what URL and title say. Limits are ours.
 */
import { characterClasses, HAN, LETTER, SPACE } from './characters.ts';
import type { DocumentFacts } from './document-facts.ts';
import type { DocumentRule, LineRule } from './rule.ts';

const SOURCE = 'this project';

const PROMPTS = [
  'sign in',
  'sign up',
  'log in',
  'create an account',
  'create a free account',
  'register now',
  'register for free',
  'already have an account',
  'forgot your password',
  'subscribe to our',
  'subscribe now',
  'join our newsletter',
  'enter your email',
  'follow us on',
  'share this',
  'click here to',
  'read more',
  'add to cart',
  'buy now',
  'shop now',
  'free shipping',
  'limited time offer',
  'advertisement',
  'sponsored content',
  'download our app',
  'download the app',
  'enable cookies',
  'disable your ad blocker',
];
const HAN_PROMPTS = [
  '登录',
  '注册',
  '立即购买',
  '加入购物车',
  '扫码',
  '扫一扫',
  '关注我们',
  '关注公众号',
  '微信公众号',
  '客服热线',
  '点击下载',
  '立即下载',
  '下载app',
  '点击查看',
  '阅读全文',
  '查看更多',
  '广告',
  '推广',
  '优惠券',
  '免费领取',
  '加微信',
  '加群',
  '忘记密码',
  '还没有账号',
  '版权所有',
  '备案号',
];

/** A line is a prompt if it is short and has one of the phrases. */
const MAX_PROMPT_CHARACTERS = 80;
const MAX_HAN_PROMPT_CHARACTERS = 30;

function isPrompt(line: string, isHan: boolean): boolean {
  if (line.length > (isHan ? MAX_HAN_PROMPT_CHARACTERS : MAX_PROMPT_CHARACTERS)) return false;
  const lower = line.toLowerCase();
  return (isHan ? HAN_PROMPTS : PROMPTS).some((phrase) => lower.includes(phrase));
}

export const PROMPT_DOCUMENTS: readonly DocumentRule[] = [
  {
    name: 'mostly-prompts',
    family: 'prompts',
    measures: 'share of lines that are short and advertise, or ask to register, log in or subscribe',
    measure: ({ filledLines, script }) =>
      filledLines.filter((line) => isPrompt(line, script === 'han')).length / Math.max(1, filledLines.length),
    removes: 'above',
    limits: { spaced: 0.3, han: 0.3 },
    source: SOURCE,
  },
];

export const PROMPT_LINES: readonly LineRule[] = [
  {
    name: 'line-is-a-prompt',
    family: 'prompts',
    measures: 'at most 80 characters (30 of Chinese) with a phrase that advertises or asks to register',
    removes: (line, _limit, script) => isPrompt(line, script === 'han'),
    limits: { spaced: 1, han: 1 },
    source: SOURCE,
  },
];

const DIFF_MARK =
  /^(?:@@ -\d|diff --git |Index: |\+\+\+ |--- [ab]\/|[+-](?![\s+-]*$).|(?:Line|第) ?\d+ ?(?:行)?[:：]$|[−+]$)/;
const DIFF_HEAD =
  /^(?:@@ -\d|diff --git |← ?(?:Older|Previous)|(?:Latest )?[Rr]evision as of|Difference between revisions|.{0,40}(?:修订版本|修订间的差异|的版本间的差异))/;

function diffShare({ filledLines }: DocumentFacts): number {
  if (!filledLines.some((line) => DIFF_HEAD.test(line))) return 0;
  return filledLines.filter((line) => DIFF_MARK.test(line)).length / filledLines.length;
}

function unusualShare({ text, numCharacters }: DocumentFacts): number {
  // U+FFFD, private use, and controls other than tab and line breaks.
  return (text.match(/[\ufffd\p{Co}]|(?![\t\n\r\f\v])\p{Cc}/gu)?.length ?? 0) / Math.max(1, numCharacters);
}

function letterShare({ text }: DocumentFacts): number {
  const classes = characterClasses();
  let numLetters = 0;
  let numVisible = 0;
  for (let i = 0; i < text.length; i++) {
    const bits = classes[text.charCodeAt(i)];
    if (bits & SPACE) continue;
    numVisible++;
    if (bits & LETTER) numLetters++;
  }
  return numVisible === 0 ? 0 : numLetters / numVisible;
}

function longestWordShare({ text }: DocumentFacts): number {
  const classes = characterClasses();
  let longest = 0;
  let current = 0;
  for (let i = 0; i < text.length; i++) {
    if (classes[text.charCodeAt(i)] & (SPACE | HAN)) current = 0;
    else if (++current > longest) longest = current;
  }
  return longest < 200 ? 0 : longest / text.length;
}

function addressShare({ filledLines }: DocumentFacts): number {
  const isAddress = (line: string): boolean =>
    /^\W{0,4}(?:https?:\/\/|www\.)\S+\s*$/.test(line.slice(0, 300));
  return filledLines.filter(isAddress).length / Math.max(1, filledLines.length);
}

export const STRUCTURE: readonly DocumentRule[] = (
  [
    {
      name: 'empty-text',
      measures: 'letters and digits: there are none',
      measure: ({ text }) => (/[\p{L}\p{N}]/u.test(text) ? 1 : 0),
      removes: 'below',
      limits: { spaced: 1, han: 1 },
    },
    {
      name: 'too-many-unusual-characters',
      measures: 'share of replacement, private-use and control characters',
      measure: unusualShare,
      removes: 'above',
      limits: { spaced: 0.005, han: 0.005 },
    },
    {
      name: 'too-few-letters',
      measures: 'share of letters among visible characters',
      measure: letterShare,
      removes: 'below',
      limits: { spaced: 0.5, han: 0.5 },
    },
    {
      name: 'too-much-text-in-one-word',
      measures: 'share of the longest run without space or Han character, from 200 characters on',
      measure: longestWordShare,
      removes: 'above',
      limits: { spaced: 0.2, han: 0.2 },
    },
    {
      name: 'mostly-web-addresses',
      measures: 'share of lines that are one address',
      measure: addressShare,
      removes: 'above',
      limits: { spaced: 0.3, han: 0.3 },
    },
    {
      name: 'shows-a-difference-of-versions',
      measures: 'share of lines of a diff, where the head of one occurs',
      measure: diffShare,
      removes: 'above',
      limits: { spaced: 0.1, han: 0.1 },
    },
    {
      name: 'too-little-chinese',
      measures: 'share of Han characters among letters',
      measure: ({ hanShare }) => hanShare,
      removes: 'below',
      limits: { han: 0.3 },
    },
  ] satisfies readonly Omit<DocumentRule, 'family' | 'source'>[]
).map((rule) => ({ ...rule, family: 'structure', source: SOURCE }));

const ERROR_TITLE =
  /\b(?:404|403|500|502|503)\b.{0,20}(?:not found|forbidden|error|unavailable)|^(?:page |file )?not found|access denied|forbidden|just a moment|attention required|are you a robot|页面不存在|页面没有找到|找不到(?:该)?页面|访问(?:被)?拒绝|系统(?:出错|提示)|出错了/i;
const LOGIN_TITLE =
  /^(?:log ?in|sign ?in|sign ?up|register|create (?:an? )?account|search results?|shopping cart|用户登录|登录|注册|搜索结果|购物车)(?:\W|$)/i;
const FUNCTION_PATH =
  /\/(?:log-?in|sign-?in|sign-?up|register|logout|cart|basket|checkout|search|wp-login\.php|wp-admin|account|password|user\/register|feed|rss|sitemap)(?:[/?#.]|$)/i;

const pathOf = (url: string | undefined): string => {
  if (!url) return '';
  const at = url.indexOf('/', url.indexOf('//') + 2);
  return at < 0 ? '' : url.slice(at, at + 2048);
};

export const METADATA: readonly DocumentRule[] = (
  [
    {
      name: 'title-reports-an-error',
      measures: 'such as `404 Not Found`, `页面不存在`',
      measure: ({ document: { title = '' } }) => (ERROR_TITLE.test(title.slice(0, 300)) ? 1 : 0),
    },
    {
      name: 'title-names-a-form',
      measures: 'such as `Log in`, `Search results`, `注册`',
      measure: ({ document: { title = '' } }) => (LOGIN_TITLE.test(title.slice(0, 300).trim()) ? 1 : 0),
    },
    {
      name: 'address-names-a-form',
      measures: 'path of a login, search, cart or feed',
      measure: ({ document: { url } }) => (FUNCTION_PATH.test(pathOf(url)) ? 1 : 0),
    },
  ] satisfies readonly Pick<DocumentRule, 'name' | 'measures' | 'measure'>[]
).map((rule) => ({
  ...rule,
  family: 'metadata',
  removes: 'above',
  limits: { spaced: 0, han: 0 },
  source: SOURCE,
}));
