/** Python's `strftime` for a time without a zone, as `strftime_now` of chat templates has it; English on every machine. */

const DAYS = ['Sunday', 'Monday', 'Tuesday', 'Wednesday', 'Thursday', 'Friday', 'Saturday'];
const MONTHS = ['January', 'February', 'March', 'April', 'May', 'June', 'July'].concat([
  'August',
  'September',
  'October',
  'November',
  'December',
]);

/** A field: its text, or a number with its width and what fills it. */
type Field = string | { readonly value: number; readonly width: number; readonly fill?: ' ' };

/**
 * Fields and flags of glibc, which Python uses: `%-d` without filling, `%_d` with spaces, `%^a` in capitals, `%05d`. All
 * else stays as it is. `%Z` and `%z` are empty, as for any time that has no zone.
 */
export function strftime(time: Date, format: string): string {
  return format.replace(
    /%([-_0^#]*)(\d*)([EO]?)([A-Za-z%+])/g,
    (text, flags: string, width: string, _modifier: string, name: string) => {
      const field = fieldOf(time, name);
      return field === undefined
        ? text
        : filled(field, flags, width === '' ? undefined : Number(width), name);
    },
  );
}

function filled(field: Field, flags: string, wanted: number | undefined, name: string): string {
  const last = [...flags].reverse().find((flag) => '-_0'.includes(flag));
  if (typeof field === 'string') {
    const padded = wanted === undefined ? field : field.padStart(wanted, last === '0' ? '0' : ' ');
    if (flags.includes('^')) return padded.toUpperCase();
    // The other case: of names to capitals, of AM and PM to small letters.
    if (flags.includes('#')) return name === 'p' ? padded.toLowerCase() : padded.toUpperCase();
    return padded;
  }
  const digits = String(field.value);
  if (last === '-') return digits;
  const fill = last === '_' ? ' ' : last === '0' ? '0' : (field.fill ?? '0');
  return digits.padStart(wanted ?? field.width, fill);
}

function fieldOf(time: Date, name: string): Field | undefined {
  const two = (value: number): Field => ({ value, width: 2 });
  const spaced = (value: number): Field => ({ value, width: 2, fill: ' ' });
  const hour = time.getHours();
  const twelve = hour % 12 === 0 ? 12 : hour % 12;
  const day = time.getDay();
  const dayOfYear = dayNumber(time);
  const iso = isoWeek(time);
  const sub = (format: string): string => strftime(time, format);
  const fields: Readonly<Record<string, () => Field>> = {
    a: () => DAYS[day].slice(0, 3),
    A: () => DAYS[day],
    b: () => MONTHS[time.getMonth()].slice(0, 3),
    B: () => MONTHS[time.getMonth()],
    c: () => sub('%a %b %e %H:%M:%S %Y'),
    C: () => two(Math.floor(time.getFullYear() / 100)),
    d: () => two(time.getDate()),
    D: () => sub('%m/%d/%y'),
    e: () => spaced(time.getDate()),
    f: () => ({ value: time.getMilliseconds() * 1000, width: 6 }),
    F: () => sub('%Y-%m-%d'),
    g: () => two(iso.year % 100),
    G: () => ({ value: iso.year, width: 1 }),
    h: () => sub('%b'),
    H: () => two(hour),
    I: () => two(twelve),
    j: () => ({ value: dayOfYear, width: 3 }),
    k: () => spaced(hour),
    l: () => spaced(twelve),
    m: () => two(time.getMonth() + 1),
    M: () => two(time.getMinutes()),
    n: () => '\n',
    p: () => (hour < 12 ? 'AM' : 'PM'),
    P: () => (hour < 12 ? 'am' : 'pm'),
    r: () => sub('%I:%M:%S %p'),
    R: () => sub('%H:%M'),
    s: () => ({ value: Math.floor(time.getTime() / 1000), width: 1 }),
    S: () => two(time.getSeconds()),
    t: () => '\t',
    T: () => sub('%H:%M:%S'),
    u: () => ({ value: day === 0 ? 7 : day, width: 1 }),
    // Weeks of the year that begin on Sundays (U) and on Mondays (W); days before the first are in week 0.
    U: () => two(Math.floor((dayOfYear + 6 - day) / 7)),
    V: () => two(iso.week),
    w: () => ({ value: day, width: 1 }),
    W: () => two(Math.floor((dayOfYear + 6 - ((day + 6) % 7)) / 7)),
    x: () => sub('%m/%d/%y'),
    X: () => sub('%H:%M:%S'),
    y: () => two(time.getFullYear() % 100),
    Y: () => ({ value: time.getFullYear(), width: 1 }),
    z: () => '',
    Z: () => '',
    '%': () => '%',
  };
  return Object.hasOwn(fields, name) ? fields[name]() : undefined;
}

/** 1 on 1 January. Whole days apart, whatever the length of a day in which clocks are changed. */
function dayNumber(time: Date): number {
  const [year, month, date] = [time.getFullYear(), time.getMonth(), time.getDate()];
  return Math.round((Date.UTC(year, month, date) - Date.UTC(year, 0, 1)) / 86_400_000) + 1;
}

/** Weeks begin on Mondays and belong to the year that their Thursday is in. */
function isoWeek(time: Date): { year: number; week: number } {
  const thursday = new Date(time.getFullYear(), time.getMonth(), time.getDate() + 4 - (time.getDay() || 7));
  return { year: thursday.getFullYear(), week: Math.floor((dayNumber(thursday) - 1) / 7) + 1 };
}
