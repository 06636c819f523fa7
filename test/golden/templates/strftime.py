"""What Python writes for each field of `strftime`, with a time without a zone: python strftime.py > strftime.json

transformers gives templates `strftime_now(format)`, which is `datetime.now().strftime(format)`."""
import datetime
import json
import string
import sys

TIMES = [
    (2026, 1, 1, 0, 0, 0, 0),
    (2024, 2, 29, 12, 5, 9, 7000),
    (2023, 12, 31, 23, 59, 59, 999000),
    (2021, 1, 3, 11, 30, 0, 120000),
    (2020, 12, 28, 13, 1, 2, 0),
    (2005, 7, 4, 1, 2, 3, 0),
]
LETTERS = [c for c in string.ascii_letters if c not in "sEOLNKJQiovq"]
FORMATS = [
    *(f"%{c}" for c in LETTERS),
    *(f"%-{c}" for c in "deHIjklmMSyUW"),
    *(f"%_{c}" for c in "dHIjmMS"),
    *("%^a", "%^A", "%^b", "%^B", "%#p", "%#a", "%^p", "%05d", "%10A", "%03m", "%0e"),
    "%A, %d %b %Y, %H:%M:%S %p %j %y %I %Z",
    "%B %d, %Y at %-I:%M %p%%",
    "100% %",
    "%Q %é %",
]

json.dump(
    {
        "python": sys.version.split()[0],
        "times": [list(time) for time in TIMES],
        "expected": {f: [datetime.datetime(*time).strftime(f) for time in TIMES] for f in FORMATS},
    },
    sys.stdout,
    indent=1,
    ensure_ascii=False,
)
print()
