"""Trains the models of extraction and writes models/extraction.bin.

    python3 -m venv VENV && VENV/bin/pip install numpy==2.4.6 lightgbm==4.7.0
    VENV/bin/python scripts/extraction/train.py FOLDER [--out models/extraction.bin] [--report FILE.csv]

FOLDER is what features.mjs wrote. Everything that is reported is cross-validated over sites: pages of a site are all in the same
fifth, the line model of a fifth is trained without it, and sees page types that were predicted for pages whose site was left out.
The models that are written are trained on all pages.
"""
import argparse
import csv
import json
import struct
import zlib
from collections import Counter
from pathlib import Path

import lightgbm as lgb
import numpy as np

FOLDS = 5
LINE = dict(
    objective="cross_entropy", learning_rate=0.1, num_leaves=31, min_data_in_leaf=60, min_sum_hessian_in_leaf=5,
    feature_fraction=0.4, bagging_fraction=0.7, bagging_freq=1, lambda_l2=5, max_bin=31, num_threads=1, verbose=-1,
    seed=1, deterministic=True, force_row_wise=True,
)
LINE_TREES = 100
TYPE = dict(
    objective="multiclass", learning_rate=0.08, num_leaves=5, min_data_in_leaf=8, feature_fraction=0.25,
    bagging_fraction=0.8, bagging_freq=1, lambda_l2=3, max_bin=31, num_threads=1, verbose=-1, seed=1, deterministic=True,
    force_row_wise=True,
)
TYPE_TREES = 100

flags = argparse.ArgumentParser()
flags.add_argument("folder", type=Path)
flags.add_argument("--out", type=Path)
flags.add_argument("--report", type=Path)
flags.add_argument("--predictions", type=Path)
flags = flags.parse_args()

data = json.loads((flags.folder / "pages.json").read_text())
pages, types = data["pages"], data["types"]
num_own = len(data["lineFeatures"]) - len(types)
lines = np.fromfile(flags.folder / "lines.bin", np.float32).reshape(-1, num_own)
labels = np.fromfile(flags.folder / "labels.bin", np.float32)
tokens = np.fromfile(flags.folder / "tokens.bin", np.int32)
offsets = np.fromfile(flags.folder / "offsets.bin", np.int32)
page_rows = np.fromfile(flags.folder / "pages.bin", np.float32).reshape(len(pages), -1)
words = np.diff(offsets).astype(float)
num_lines = np.array([page["lines"] for page in pages])
first = np.concatenate([[0], np.cumsum(num_lines)])
page_of = np.repeat(np.arange(len(pages)), num_lines)
type_of = np.array([types.index(page["type"]) if page["type"] else -1 for page in pages])
fold_of = np.array([zlib.crc32(page["site"].encode()) % FOLDS for page in pages])
has_type = type_of >= 0

# A line counts by its share of the page, as in the mean over pages of F1. Pages of other sets count less: their references follow other
# rules. Of short lines a part is enough to learn from; those count more in turn.
weights = np.minimum(words, 400) / np.maximum(30, [len(page["reference"]) for page in pages])[page_of]
weights *= np.where(has_type, 1, 0.4)[page_of]
weights = np.maximum(weights, 1e-5)
share_used = np.where(words >= 8, 1, np.where(words >= 3, 0.5, 0.3))
is_used = np.random.default_rng(0).random(len(labels)) < share_used
weights = weights / weights.mean() / share_used


def train_type(pages_in):
    chosen = np.flatnonzero(pages_in & has_type)
    return lgb.train(dict(TYPE, num_class=len(types)), lgb.Dataset(page_rows[chosen], type_of[chosen], params=TYPE), TYPE_TREES)


def train_line(lines_in, rows):
    chosen = np.flatnonzero(lines_in & is_used)
    return lgb.train(LINE, lgb.Dataset(rows[chosen], labels[chosen], weight=weights[chosen], params=LINE), LINE_TREES)


def choose(page, scores):
    """The lines of a page with the best expected F1, as src/data/extract/choose-lines.ts."""
    own = np.arange(first[page], first[page + 1])
    if len(own) == 0:
        return own
    share, size = scores[own], words[own]
    order = np.argsort(-share, kind="stable")
    expected = (share * size).sum()
    f1 = 2 * np.cumsum((share * size)[order]) / (np.cumsum(size[order]) + expected + 1e-9)
    return own[share >= share[order[np.argmax(f1)]]]


def f1_of(page, chosen):
    reference = Counter(pages[page]["reference"])
    found = Counter()
    for line in chosen:
        found.update(tokens[offsets[line] : offsets[line + 1]].tolist())
    total = sum(found.values()) + sum(reference.values())
    return 2 * sum((found & reference).values()) / total if total else 1.0


def export(models, path):
    """The format of src/data/extract/tree-model.ts."""
    sections, body = [], b""
    for name, feature_set, trees in models:
        roots, feature, threshold, left, right, leaf = [], [], [], [], [], []

        def add(node):
            if "leaf_value" in node:
                leaf.append(node["leaf_value"])
                return ~(len(leaf) - 1)
            at = len(feature)
            feature.append(node["split_feature"])
            # The greatest 32-bit number that is not above: rows are of 32 bits, so that the comparison comes out the same.
            value = np.float32(node["threshold"])
            threshold.append(value if float(value) <= node["threshold"] else np.nextafter(value, np.float32(-np.inf)))
            left.append(0)
            right.append(0)
            left[at] = add(node["left_child"])
            right[at] = add(node["right_child"])
            return at

        for tree in trees:
            roots.append(add(tree["tree_structure"]))
        sections.append(dict(name=name, features=feature_set, trees=len(roots), nodes=len(feature), leaves=len(leaf)))
        for column, kind in ((roots, "<i4"), (feature, "<i4"), (threshold, "<f4"), (left, "<i4"), (right, "<i4"), (leaf, "<f4")):
            body += np.array(column, kind).tobytes()
    sets = dict(line=data["lineFeatures"], page=data["pageFeatures"])
    header = json.dumps(dict(featureSets=sets, models=sections), separators=(",", ":")).encode()
    path.write_bytes(b"dtree1\n\n" + struct.pack("<I", len(header)) + header + body)


def trees_of(model):
    return model.dump_model()["tree_info"]


shares = np.zeros((len(pages), len(types)), np.float32)
for fold in range(FOLDS):
    held_out = fold_of == fold
    shares[held_out] = train_type(~held_out).predict(page_rows[held_out], num_threads=1)
found = shares.argmax(1)
rows = np.concatenate([lines, shares[page_of]], 1)

report = []
if flags.report or flags.predictions:
    scores = np.zeros(len(labels))
    for fold in range(FOLDS):
        held_out = (fold_of == fold)[page_of]
        scores[held_out] = train_line(~held_out, rows).predict(rows[held_out], num_threads=1)
    f1 = np.array([f1_of(page, choose(page, scores)) for page in range(len(pages))])
    best = np.array(
        [max(f1_of(p, np.arange(first[p], first[p + 1])[labels[first[p] : first[p + 1]] >= t]) for t in (0.3, 0.5, 0.7)) for p in range(len(pages))]
    )
    groups = [("all", has_type)] + [(name, type_of == i) for i, name in enumerate(types)]
    groups += [(name, np.array([page["file"] == name for page in pages])) for name in sorted({page["file"] for page, t in zip(pages, has_type) if not t})]
    for name, chosen in groups:
        row = dict(
            pages=name, count=int(chosen.sum()), f1=round(f1[chosen].mean(), 4), best=round(best[chosen].mean(), 4),
            typeAccuracy=round((found == type_of)[chosen].mean(), 4) if has_type[chosen].all() else "",
        )
        report.append(row)
        print(row, flush=True)
    if flags.predictions:
        flags.predictions.write_text("".join(json.dumps(dict(id=page["id"], file=page["file"], type=page["type"], found=types[k], f1=value)) + "\n" for page, k, value in zip(pages, found, f1)))
    if flags.report:
        with flags.report.open("w", newline="") as file:
            writer = csv.DictWriter(file, list(report[0]))
            writer.writeheader()
            writer.writerows(report)

if flags.out:
    type_model = train_type(np.ones(len(pages), bool))
    trees = trees_of(type_model)
    models = [("type:" + name, "page", trees[i :: len(types)]) for i, name in enumerate(types)]
    models.append(("line", "line", trees_of(train_line(np.ones(len(labels), bool), rows))))
    export(models, flags.out)
    print(f"wrote {flags.out}: {flags.out.stat().st_size} bytes")
