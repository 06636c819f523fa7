"""Prints the tables of src/text/unicode-classes.ts: which code points the oracle's regular expressions call letter or number.

Each entry is one range: its distance from the end of the range before and, after "+", its length less one; base 36.
"""

from tokenizers import Regex, pre_tokenizers

CODE_POINTS = [c for c in range(0x110000) if not 0xD800 <= c <= 0xDFFF]


def members(char_class):
    """All code points of a class, found by letting the oracle remove them from a text of all code points."""
    split = pre_tokenizers.Split(Regex(char_class), behavior="removed")
    found = []
    for base in range(0, len(CODE_POINTS), 4096):
        chunk = CODE_POINTS[base : base + 4096]
        kept = {char for piece, _ in split.pre_tokenize_str("".join(map(chr, chunk))) for char in piece}
        found += [code for code in chunk if chr(code) not in kept]
    return found


def base36(value):
    digits = "0123456789abcdefghijklmnopqrstuvwxyz"
    return (base36(value // 36) if value >= 36 else "") + digits[value % 36]


def table(codes):
    ranges = []
    for code in codes:
        if ranges and ranges[-1][1] == code - 1:
            ranges[-1][1] = code
        else:
            ranges.append([code, code])
    end, entries = 0, []
    for first, last in ranges:
        entries.append(base36(first - end) + ("+" + base36(last - first) if last > first else ""))
        end = last
    return " ".join(entries)


for name in ("L", "N"):
    print(name, table(members(rf"\p{{{name}}}")))
