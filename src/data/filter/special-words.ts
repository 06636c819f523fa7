/** English words that end before a space or a point does: contractions, abbreviations, emoticons. */

const words = (text: string): string[] => text.trim().split(/\s+/);

const PRONOUNS = words('i you he she it we they');
const QUESTIONS = words('who what when where why how there that this these those');
const PLURAL = new Set(['these', 'those']);
const THIS = new Set(['that', 'this']);
const NEGATED = words(
  'ca could do does did had may might must need ought sha should wo would ai are is was were have has dare',
);
const HAVE = words('could might must should would');

/** Where an apostrophe is missing, these are words of their own. */
const AMBIGUOUS = new Set(words('ill its hell shell shed were well whore'));

const ABBREVIATIONS = words(`
  Mt. Ak. Ala. Apr. Ariz. Ark. Aug. Calif. Colo. Conn. Dec. Del. Feb. Fla. Ga. Ia. Id. Ill. Ind. Jan. Jul. Jun. Kan.
  Kans. Ky. La. Mar. Mass. Mich. Minn. Miss. N.C. N.D. N.H. N.J. N.M. N.Y. Neb. Nebr. Nev. Nov. Oct. Okla. Ore. Pa.
  S.C. Sep. Sept. Tenn. Va. Wash. Wis. a.m. Adm. Bros. co. Co. Corp. D.C. Dr. e.g. E.g. E.G. Gen. Gov. i.e. I.e. I.E.
  Inc. Jr. Ltd. Md. Messrs. Mo. Mont. Mr. Mrs. Ms. p.m. Ph.D. Prof. Rep. Rev. Sen. St. vs. v.s. ä. ö. ü.
  and/or w/o C++ 's 'S ‘s ‘S 're 'd 'em 'll 'nuff 'cause 'Cause 'cos 'Cos 'coz 'Coz 'cuz 'Cuz 'bout ma'am Ma'am
  o'clock O'clock lovin' Lovin' havin' Havin' doin' Doin' goin' Goin' nothin' Nothin' nuthin' Nuthin' ol' Ol'
  somethin' Somethin'`);

const EMOTICONS = words(`
  ' '' :) :-) :)) :-)) :))) (: (-: =) (= :] :-] [: [-: [= =] :o) (o: :} :-} 8) 8-) (-8 ;) ;-) (; (-; :( :-( :(( :-((
  ): )-: =( >:( :') :'-) :'( :'-( :/ :-/ =/ =| :| :-| ]= =[ :1 :P :-P :p :-p :O :-O :o :-o :0 :-0 :() :* :-* :3 :-3 =3
  :> :-> :X :-X :x :-x :D :-D ;D ;-D =D xD XD 8D 8-D ^_^ >.< ._. ;_; -_- o_o O_O 0_0 o.O O.o O.O o.o 0.0 o.0 0.o <3 </3`);

const capital = (word: string): string => word[0].toUpperCase() + word.slice(1);

function makeSplits(): Map<string, readonly string[]> {
  const splits = new Map<string, readonly string[]>();
  /** `parts` with and without their apostrophes, straight and curly, with and without a capital. */
  const contraction = (first: string, ...rest: string[]): void => {
    for (const start of [first, capital(first)]) {
      const parts = [start, ...rest];
      splits.set(parts.join(''), parts);
      splits.set(
        parts.join('').replaceAll("'", '’'),
        parts.map((part) => part.replaceAll("'", '’')),
      );
      const bare = parts.map((part) => part.replaceAll("'", ''));
      if (!AMBIGUOUS.has(bare.join('').toLowerCase())) splits.set(bare.join(''), bare);
    }
  };
  contraction('i', "'m");
  contraction('i', "'m", 'a');
  for (const pronoun of PRONOUNS) {
    for (const end of ["'ll", "'d"]) {
      contraction(pronoun, end);
      contraction(pronoun, end, "'ve");
    }
    if (!['he', 'she', 'it'].includes(pronoun)) contraction(pronoun, "'ve");
    if (['you', 'we', 'they'].includes(pronoun)) contraction(pronoun, "'re");
    if (['he', 'she', 'it'].includes(pronoun)) contraction(pronoun, "'s");
  }
  for (const word of QUESTIONS) {
    for (const end of ["'ll", "'d"]) {
      contraction(word, end);
      contraction(word, end, "'ve");
    }
    if (!PLURAL.has(word)) contraction(word, "'s");
    if (THIS.has(word)) continue;
    contraction(word, "'re");
    contraction(word, "'ve");
  }
  for (const verb of NEGATED) contraction(verb, "n't");
  for (const verb of NEGATED.slice(0, 15)) contraction(verb, "n't", "'ve");
  for (const verb of HAVE) contraction(verb, "'ve");
  contraction('not', "'ve");
  contraction('let', "'s");
  for (const [first, second] of ['can not', 'gon na', 'got ta'].map((pair) => pair.split(' ')))
    contraction(first, second);
  splits.set('lets', ['lets']);
  splits.set('Lets', ['Lets']);
  splits.set("y'all", ["y'", 'all']);
  splits.set('y’all', ['y’', 'all']);
  splits.set('yall', ['y', 'all']);
  splits.set("c'mon", ["c'm", 'on']);
  splits.set("C'mon", ["C'm", 'on']);
  for (let hour = 1; hour <= 12; hour++)
    for (const half of ['a.m.', 'am', 'p.m.', 'pm']) splits.set(`${hour}${half}`, [`${hour}`, half]);
  for (const whole of [...ABBREVIATIONS, ...EMOTICONS]) {
    splits.set(whole, [whole]);
    splits.set(whole.replaceAll("'", '’'), [whole.replaceAll("'", '’')]);
  }
  for (const letter of 'abcdefghijklmnopqrstuvwxyz') splits.set(`${letter}.`, [`${letter}.`]);
  return splits;
}

const SPLITS = makeSplits();
const JOINED = new Set(
  [...ABBREVIATIONS, ...EMOTICONS, ...[...SPLITS.keys()].filter((word) => /^[a-z]\.$/.test(word))].filter(
    (word) => word.length >= 2 && word.length <= 6 && /[^A-Za-z]/.test(word),
  ),
);

/** The words of a special word; undefined for any other. */
export function splitsOf(word: string): readonly string[] | undefined {
  return SPLITS.get(word);
}

/** Whether words whose texts are this together are one word. */
export function isJoined(text: string): boolean {
  return JOINED.has(text);
}
