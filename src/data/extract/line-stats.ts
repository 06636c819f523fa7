/** Counts over the text of one line. */

/** Kinds of phrases that show what a short line is for, in English and Chinese. */
const PHRASES: Readonly<Record<string, RegExp>> = {
  rights: /©|\(c\) \d{4}|all rights reserved|copyright|版权所有|备案|ICP/i,
  policy:
    /privacy|cookie|terms of|disclaimer|gdpr|your consent|datenschutz|impressum|cookies? (?:zu|akzept)|confidentialité|mentions légales|privacidad|隐私|免责声明/i,
  account:
    /log ?in|sign ?(?:in|up)|register|my account|forgot|password|anmelden|einloggen|registrieren|mein konto|connexion|s'inscrire|iniciar sesión|zaloguj|войти|登录|注册/i,
  subscribe:
    /subscribe|newsletter|your email|inbox|unsubscribe|abonnieren|abonnement|s'abonner|suscr[ií]b|zapisz się|iscriviti|подпис|订阅/i,
  share:
    /\bshare\b|tweet|facebook|twitter|whatsapp|linkedin|pinterest|instagram|follow us|teilen|partager|compart[ie]|udostępnij|condividi|поделиться|分享|关注/i,
  buy: /add to (?:cart|bag|basket)|checkout|in stock|out of stock|sold out|buy now|wishlist|quantity|free shipping|购物车/i,
  more: /(?:read|learn|show|see|view|load|find out|shop) (?:more|all|less|now)|view (?:details|profile)|continue reading|mehr (?:erfahren|lesen|zum|infos)|weiterlesen|lesen sie|zum artikel|alle artikel|lire (?:aussi|la suite|plus)|en savoir plus|leer más|lea también|czytaj|dowiedz się|więcej|leggi|читать|更多|查看|阅读全文/i,
  related:
    /related|you (?:may|might) (?:also )?(?:like|enjoy)|recommended|similar|also bought|recently viewed|trending|most (?:read|popular)|das könnte|ähnliche|verwandte|weitere (?:artikel|themen|beiträge)|neueste|meistgelesen|empfehl|à lire|sur le même|relacionad|zobacz (?:też|także)|polecane|potrebbe interessarti|по теме|相关|推荐|热门/i,
  reply:
    /\breply\b|\blike[sd]?\b|upvote|report (?:post|abuse)|quote|permalink|antworten|kommentar|répondre|commentaire|responder|comentario|odpowiedz|komentarz|ответить|回复|评论|点赞/i,
  post: /\bposts?\b|\bjoined\b|\bmember\b|\bthread\b|\btopic\b|views?\b|replies|楼|发帖/i,
  filter:
    /sort by|filter|showing \d|results?\b|sortieren|ergebnisse|seite \d|per page|clear all|\bapply\b|page \d|排序|筛选/i,
  skip: /skip to|toggle|open menu|close menu|^close$|^menu$|^search|back to top|nach oben|zurück|startseite|überspringen|accueil|inicio|scroll|导航|返回/i,
  date: /\b(?:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]{0,6}\.? \d{1,2}|\b\d{1,2} (?:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)|\d{4}[-/.年]\d{1,2}|\d{1,2}[-/]\d{1,2}[-/]\d{2,4}|\b\d+ (?:minute|hour|day|week|month|year)s? ago|min read/i,
  byline:
    /^(?:by|von|par|por|foto|quelle|autor|text|written by|posted by|author|edited by|reviewed by|source|photo|image|credit)\b|作者|来源|责编|编辑|记者/i,
  price: /[$€£¥₹]\s?\d|\d\s?(?:usd|eur|gbp|元|€)/i,
  contact:
    /@[a-z0-9-]+\.[a-z]|\(\d{3}\) ?\d{3}|\d{3}[-.]\d{3}[-.]\d{4}|contact us|kontakt|contactez|contacto|call us|get in touch|get started|book (?:a|now)|request a|free trial|联系/i,
  review: /\breviews?\b|\bratings?\b|out of 5|\bstars?\b|verified (?:buyer|purchase)|customers? say/i,
  advert: /advertis|sponsored|affiliate|anzeige|werbung|publicité|publicidad|reklama|commission|promot|广告/i,
  script: /javascript|your browser|loading|error occurred|enable cookies|captcha|adblock/i,
};
export const PHRASE_KINDS = Object.keys(PHRASES);
const PATTERNS = Object.values(PHRASES);
const MAX_PHRASE_CHARS = 240;

/** The most frequent words of English, German, French, Spanish, Italian, Portuguese, Dutch, Polish and Russian. */
const STOP_WORDS = new Set(
  (
    'the of and to a in is it you that he was for on are with as i his they be at one have this from or had by not but what all ' +
    'were we when your can there an which their if will each about how up out them then she many some so these would has more ' +
    'her him my than been who its now did get may our us me no do just also into only other could any should because where ' +
    'der die das und ist im den von zu mit sich des auf für nicht ein eine als auch es an werden aus er hat dass sie nach wird ' +
    'bei einer um am sind noch wie einem über einen so zum war haben nur oder aber vor zur bis mehr durch man sein wurde wenn ' +
    'le la les de du et en un une est que dans qui il au pas pour par sur ce plus se ne sont avec cette son ses ou ont mais nous ' +
    'el los las del que y es con para una su al lo como más pero sus le ya o este sí porque esta entre cuando muy sin sobre ' +
    'il di che è per un non con sono della nel alla dei più anche come da gli si ha questo delle era ' +
    'o os as não uma com em dos das no na por mais ao foi ele tem seu sua ou quando muito nos já eu também ' +
    'het een van ik te dat niet op zijn voor ook maar naar wordt door er aan bij werd ' +
    'w i na z do nie się że jest o to jak za po od przez ale dla czy tym był ' +
    'и в не на что с он по это как но из у за от так же для то все был его к'
  ).split(' '),
);
const MAX_STOP_CHARS = 8;

export interface LineStats {
  /** Words; each Chinese or Japanese character counts as half a word. */
  readonly words: number;
  readonly cjkChars: number;
  readonly letters: number;
  readonly capitals: number;
  readonly digits: number;
  /** Words that begin with a capital. */
  readonly capitalWords: number;
  readonly stopWords: number;
  readonly sentenceEnds: number;
  readonly commas: number;
  readonly endsSentence: boolean;
  readonly lastChar: number;
  readonly firstChar: number;
  /** Bits of `PHRASE_KINDS`. */
  readonly phrases: number;
}

export function lineStats(text: string): LineStats {
  let words = 0;
  let cjkChars = 0;
  let letters = 0;
  let capitals = 0;
  let digits = 0;
  let capitalWords = 0;
  let stopWords = 0;
  let sentenceEnds = 0;
  let commas = 0;
  let start = -1;
  for (let i = 0; i <= text.length; i++) {
    const code = i < text.length ? text.charCodeAt(i) : 32;
    const kind = kindOf(code);
    if (kind === CJK) cjkChars++;
    if (kind === LOWER || kind === UPPER || kind === DIGIT) {
      if (start < 0) {
        start = i;
        if (kind === UPPER) capitalWords++;
      }
      if (kind === DIGIT) digits++;
      else letters++;
      if (kind === UPPER) capitals++;
      continue;
    }
    if (start >= 0) {
      words++;
      if (i - start <= MAX_STOP_CHARS && STOP_WORDS.has(text.slice(start, i).toLowerCase())) stopWords++;
      start = -1;
    }
    if (code === 46 || code === 33 || code === 63) {
      const after = i + 1 < text.length ? text.charCodeAt(i + 1) : 32;
      if (after === 32 || after === 10 || after === 34 || after === 0x201d) sentenceEnds++;
    } else if (code === 0x3002 || code === 0xff01 || code === 0xff1f) sentenceEnds++;
    else if (code === 44 || code === 0xff0c || code === 0x3001 || code === 59) commas++;
  }
  let phrases = 0;
  if (text.length <= MAX_PHRASE_CHARS) {
    for (const [i, pattern] of PATTERNS.entries()) if (pattern.test(text)) phrases |= 1 << i;
  }
  const lastChar = text.charCodeAt(text.length - 1);
  return {
    words: words + cjkChars / 2,
    cjkChars,
    letters: letters + cjkChars,
    capitals,
    digits,
    capitalWords,
    stopWords,
    sentenceEnds,
    commas,
    endsSentence: '.!?"”’)。！？…'.includes(text[text.length - 1]),
    lastChar,
    firstChar: text.charCodeAt(0),
    phrases,
  };
}

const OTHER = 0;
const LOWER = 1;
const UPPER = 2;
const DIGIT = 3;
const CJK = 4;

function kindOf(code: number): number {
  if (code >= 97 && code <= 122) return LOWER;
  if (code >= 65 && code <= 90) return UPPER;
  if (code >= 48 && code <= 57) return DIGIT;
  if (code < 0xaa) return OTHER;
  if (code >= 0x3040 && code <= 0x9fff) return CJK;
  if (code >= 0xf900 && code <= 0xfaff) return CJK;
  if (
    code === 0xd7 ||
    code === 0xf7 ||
    (code >= 0x2000 && code <= 0x2fff) ||
    (code >= 0x3000 && code < 0x3040)
  )
    return OTHER;
  if (code >= 0xff00) return OTHER;
  return LOWER;
}
