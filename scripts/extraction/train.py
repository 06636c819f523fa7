"""Trains the models of extraction and writes models/extraction.bin.

    python3 -m venv VENV && VENV/bin/pip install numpy==2.4.6 lightgbm==4.7.0
    VENV/bin/python scripts/extraction/train.py FOLDER [--out models/extraction.bin] [--report FILE.csv]

FOLDER is what features.mjs wrote. Everything that is reported is cross-validated over sites: pages of a site are all in the same
fifth, and the models that choose the lines of a fifth are trained without it. A model that sees the output of another one (of page
types, of the first line model) sees what that one says of pages whose fifth it was trained without. The models that are written
are trained on all pages.
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
PIECE_WEIGHT = 0.015
# As in src/data/extract/choose-lines.ts.
LEAST_SCORE, LEAST_WORDS = 0.4, 10
LINE = dict(
    objective="cross_entropy", learning_rate=0.1, num_leaves=31, min_data_in_leaf=60, min_sum_hessian_in_leaf=5,
    feature_fraction=0.4, bagging_fraction=0.7, bagging_freq=1, lambda_l2=5, max_bin=31, num_threads=1, verbose=-1,
    seed=1, deterministic=True, force_row_wise=True,
)
LINE_TREES = 100
# The second line model also sees the scores of the first one around a line; it corrects more than it learns anew.
SECOND = dict(LINE, learning_rate=0.08, num_leaves=15, min_data_in_leaf=150, lambda_l2=10)
SECOND_TREES = 80
TYPE = dict(
    objective="multiclass", learning_rate=0.04, num_leaves=5, min_data_in_leaf=8, feature_fraction=0.25,
    bagging_fraction=0.8, bagging_freq=1, lambda_l2=3, max_bin=31, num_threads=1, verbose=-1, seed=1, deterministic=True,
    force_row_wise=True,
)
TYPE_TREES = 250

flags = argparse.ArgumentParser()
flags.add_argument("folder", type=Path)
flags.add_argument("--out", type=Path)
flags.add_argument("--report", type=Path)
flags.add_argument("--predictions", type=Path)
flags = flags.parse_args()

data = json.loads((flags.folder / "pages.json").read_text())
pages, types = data["pages"], data["types"]
num_own = len(data["lineFeatures"]) - len(types)
read = lambda name, kind=np.int32: np.fromfile(flags.folder / f"{name}.bin", kind)
lines = np.fromfile(flags.folder / "lines.bin", np.float32).reshape(-1, num_own)
labels = read("labels", np.float32)
is_known = ~np.isnan(labels)
labels = np.where(is_known, labels, 0)
runs = read("runs").reshape(len(labels), -1, 2)
looks, parent_looks, headings, line_words = read("looks"), read("parentLooks"), read("headings"), read("words", np.float32)
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
has_pieces = np.array([page["hasPieces"] for page in pages])

# A line counts by its share of the page, as in the mean over pages of F1. Pages of other sets count less: their references follow other
# rules. Of short lines a part is enough to learn from; those count more in turn.
weights = np.minimum(words, 400) / np.maximum(30, [len(page["reference"]) for page in pages])[page_of]
weights *= np.where(has_type, 1, 0.4)[page_of]
weights = np.maximum(weights, 1e-5)
# Where only pieces are known, a page has a handful of labelled lines.
weights = np.where(has_pieces[page_of], PIECE_WEIGHT, weights)
share_used = np.where(has_pieces[page_of] | (words >= 8), 1, np.where(words >= 3, 0.5, 0.3))
is_used = is_known & (np.random.default_rng(0).random(len(labels)) < share_used)
weights = weights / weights[is_known].mean() / share_used


def train_type(pages_in):
    chosen = np.flatnonzero(pages_in & has_type)
    return lgb.train(dict(TYPE, num_class=len(types)), lgb.Dataset(page_rows[chosen], type_of[chosen], params=TYPE), TYPE_TREES)


def train_line(lines_in, rows, settings, num_trees):
    chosen = np.flatnonzero(lines_in & is_used)
    return lgb.train(settings, lgb.Dataset(rows[chosen], labels[chosen], weight=weights[chosen], params=settings), num_trees)


def held_out_scores(rows, settings, num_trees):
    scores = np.zeros(len(labels), np.float32)
    for fold in range(FOLDS):
        held_out = (fold_of == fold)[page_of]
        scores[held_out] = train_line(~held_out, rows, settings, num_trees).predict(rows[held_out], num_threads=1)
    return scores


def context(scores):
    """The features of src/data/extract/context-features.ts."""
    out = []
    for page in range(len(pages)):
        own = slice(first[page], first[page + 1])
        n = num_lines[page]
        if n == 0:
            continue
        score, weight = scores[own].astype(float), line_words[own].astype(float) + 0.5
        weight_sum = np.concatenate([[0], np.cumsum(weight)])
        score_sum = np.concatenate([[0], np.cumsum(weight * score)])

        def mean(start, end):
            total = weight_sum[end] - weight_sum[start]
            return np.where(end > start, (score_sum[end] - score_sum[start]) / np.where(total > 0, total, 1), -1)

        columns = [score] + [mean(runs[own, run, 0], runs[own, run, 1]) for run in range(runs.shape[1])]
        for group in (looks[own], parent_looks[own]):
            columns.append((np.bincount(group, weight * score) / np.maximum(np.bincount(group, weight), 1e-9))[group])
        i = np.arange(n)
        for offset in (-3, -2, -1, 1, 2, 3):
            j = i + offset
            columns.append(np.where((j >= 0) & (j < n), score[np.clip(j, 0, n - 1)], -1))
        for size in (5, 15):
            columns.append(mean(np.maximum(0, i - size), np.minimum(n, i + size + 1)))
        columns.append(np.where(headings[own] < 0, -1, score[np.maximum(headings[own], 0)]))
        columns.append(np.full(n, score_sum[n] / weight_sum[n]))
        order = np.argsort(-score, kind="stable")
        columns.append(np.full(n, score[order[0]]))
        rank = np.empty(n)
        rank[order] = np.concatenate([[0], np.cumsum(weight[order])[:-1]]) / weight_sum[n]
        columns.append(rank)
        out.append(np.stack(columns, 1).astype(np.float32))
    return np.concatenate(out)


def choose(page, scores):
    """The lines of a page with the best expected F1, as src/data/extract/choose-lines.ts."""
    own = np.arange(first[page], first[page + 1])
    share, size = scores[own], words[own]
    if len(own) == 0 or (share.max() < LEAST_SCORE and (share * size).sum() < LEAST_WORDS):
        return own[:0]
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
    sets = dict(line=data["lineFeatures"], page=data["pageFeatures"], context=data["contextFeatures"])
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

scores = held_out_scores(rows, LINE, LINE_TREES)
second_rows = np.concatenate([rows, context(scores)], 1)

if flags.report or flags.predictions:
    first_scores, scores = scores, held_out_scores(second_rows, SECOND, SECOND_TREES)
    kept = [choose(page, scores) for page in range(len(pages))]
    f1 = np.array([f1_of(page, kept[page]) for page in range(len(pages))])
    f1_of_first = np.array([f1_of(page, choose(page, first_scores)) for page in range(len(pages))])
    best = np.array(
        [max(f1_of(p, np.arange(first[p], first[p + 1])[labels[first[p] : first[p + 1]] >= t]) for t in (0.3, 0.5, 0.7)) for p in range(len(pages))]
    )
    groups = [("all", has_type)] + [(name, type_of == i) for i, name in enumerate(types)]
    others = sorted({page["file"] for page, t in zip(pages, has_type) if not t})
    groups += [(name, np.array([page["file"] == name for page in pages])) for name in others]
    report = []
    for name, chosen in groups:
        row = dict(pages=name, count=int(chosen.sum()))
        if has_pieces[chosen].all():
            # Roughly, by lines: bench/extraction.mjs looks for the pieces in the text.
            known = is_known & chosen[page_of]
            is_kept = np.zeros(len(labels), bool)
            for page in np.flatnonzero(chosen):
                is_kept[kept[page]] = True
            hits = (is_kept & (labels == 1) & known).sum()
            wrong = (is_kept & (labels == 0) & known).sum()
            row["pieceF1"] = round(2 * hits / (hits + wrong + ((labels == 1) & known).sum()), 4)
        else:
            row |= dict(f1=round(float(f1[chosen].mean()), 4), firstModel=round(float(f1_of_first[chosen].mean()), 4), best=round(float(best[chosen].mean()), 4))
        if has_type[chosen].all():
            row["typeAccuracy"] = round(float((found == type_of)[chosen].mean()), 4)
        report.append(row)
        print(row, flush=True)
    if flags.predictions:
        with flags.predictions.open("w") as file:
            for i, page in enumerate(pages):
                own = (kept[i] - first[i]).tolist()
                file.write(json.dumps(dict(file=page["file"], id=page["id"], found=types[found[i]], f1=f1[i], kept=own)) + "\n")
    if flags.report:
        with flags.report.open("w", newline="") as file:
            writer = csv.DictWriter(file, ["pages", "count", "f1", "firstModel", "best", "pieceF1", "typeAccuracy"])
            writer.writeheader()
            writer.writerows(report)

if flags.out:
    everything = np.ones(len(labels), bool)
    trees = trees_of(train_type(np.ones(len(pages), bool)))
    models = [("type:" + name, "page", trees[i :: len(types)]) for i, name in enumerate(types)]
    models.append(("line", "line", trees_of(train_line(everything, rows, LINE, LINE_TREES))))
    models.append(("context", "context", trees_of(train_line(everything, second_rows, SECOND, SECOND_TREES))))
    export(models, flags.out)
    print(f"wrote {flags.out}: {flags.out.stat().st_size} bytes")
