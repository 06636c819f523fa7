// A training step in small: every op that the model of small-program.h lacks, on stored tensors, for tests of what runs
// programs.
#pragma once

#include "small-program.h"

namespace dots {

constexpr int kTrainingTokens = 150, kTrainingWidth = 32, kTrainingHeads = 4, kTrainingKeyHeads = 2,
              kTrainingHeadWidth = 8, kTrainingExperts = 4, kTrainingChosen = 2, kTrainingVocab = 40;

/// Inputs: tokens, sequences, targets (i32), weights, rates (f32 as words), rows.
inline SmallModel makeTrainingModel(uint64_t seed = 7) {
  SmallModel model;
  ProgramDraft& p = model.draft;
  constexpr int T = 0, D = kTrainingWidth, N = kTrainingHeads, G = kTrainingKeyHeads, H = kTrainingHeadWidth,
                E = kTrainingExperts, K = kTrainingChosen, V = kTrainingVocab;
  p.numSymbols = 1;
  const auto fixed = [](int times) { return Dim{times, -1}; };
  const auto per = [](int symbol, int times = 1) { return Dim{times, symbol}; };
  const auto state = [&](std::vector<int> dims) {
    State one;
    one.rank = static_cast<int32_t>(dims.size());
    int64_t count = 1;
    Value value{};
    value.kind = ValueKind::kState;
    value.index = static_cast<int32_t>(model.states.size());
    for (size_t i = 0; i < dims.size(); ++i)
      one.dims[i] = dims[i], value.dims[value.rank++] = fixed(dims[i]), count *= dims[i];
    model.stored.push_back(std::make_shared<std::vector<float>>(static_cast<size_t>(count)));
    one.stored = model.stored.back()->data();
    one.sizeBytes = count * 4;
    model.states.push_back(one);
    p.values.push_back(value);
    return static_cast<int32_t>(p.values.size()) - 1;
  };
  const auto rows = [&](int width, int times = 1) { return p.slot(false, {per(T, times), fixed(width)}); };
  const auto mark = [&] { return p.slot(false, {fixed(1)}); };
  const auto again = [&](int32_t id, std::initializer_list<Dim> dims) {
    return p.slot(false, dims, p.values[static_cast<size_t>(id)].index);
  };

  const int32_t tokens = p.source(ValueKind::kInput, 0, true, {per(T)}),
                sequences = p.source(ValueKind::kInput, 1, true, {per(T)});
  const int32_t targets = p.source(ValueKind::kInput, 2, true, {per(T)}),
                counts = p.source(ValueKind::kInput, 3, false, {per(T)});
  const int32_t rates = p.source(ValueKind::kInput, 4, false, {fixed(4)}),
                one = p.source(ValueKind::kInput, 5, false, {fixed(1)});
  TestRandom random(seed);
  const auto matrix = [&](std::vector<int64_t> dims, StorageId type = StorageId::kF32) {
    model.weights.push_back(smallWeight(random, type, dims));
    Value value{};
    value.kind = ValueKind::kWeight;
    value.index = static_cast<int32_t>(model.weights.size()) - 1;
    for (int64_t dim : dims) value.dims[value.rank++] = fixed(static_cast<int>(dim));
    p.values.push_back(value);
    return static_cast<int32_t>(p.values.size()) - 1;
  };
  const int32_t head = matrix({V, D}), headHalf = matrix({V, D}, StorageId::kF16), experts = matrix({E, D, D}),
                norm = matrix({D}), bias = matrix({E});
  const int32_t headSum = state({V, D}), matrixSum = state({D, D}), expertSum = state({E, D, D}), normSum = state({D}),
                mean = state({D, D}), square = state({D, D}), parameter = state({D, D});
  const int32_t expertMean = state({E, D, D}), expertParameter = state({E, D, D});

  const int32_t x = rows(D), y = rows(D), q = p.slot(false, {per(T), fixed(N), fixed(H)}),
                k = p.slot(false, {per(T), fixed(G), fixed(H)}), v = p.slot(false, {per(T), fixed(G), fixed(H)});
  p.add(Op::embedding, {head, tokens}, x);
  p.add(Op::linear, {x, matrix({N * H, D})}, again(q, {per(T), fixed(N * H)}));
  p.add(Op::linear, {x, matrix({G * H, D})}, again(k, {per(T), fixed(G * H)}));
  p.add(Op::linear, {x, matrix({G * H, D})}, again(v, {per(T), fixed(G * H)}));
  const int32_t mixed = p.slot(false, {per(T), fixed(N), fixed(H)}),
                packed = p.slot(false, {per(T), fixed(N + 2 * G), fixed(H)}), taken = rows(N * H);
  p.add(Op::causalAttention, {q, k, v, sequences}, mixed);
  p.add(Op::causalAttentionGrad, {mixed, q, k, v, sequences}, packed);
  p.add(Op::takeColumns, {again(packed, {per(T), fixed((N + 2 * G) * H)})}, taken, {H, N * H});
  // Heads in halves, then in pairs that lie next to each other and turn more slowly.
  p.add(Op::ropeGrad, {q, tokens}, q, {1e4, 0});
  p.add(Op::rope, {k, tokens, matrix({H / 2})}, k, {1e4, 1});
  p.add(Op::ropeGrad, {q, tokens, matrix({H / 2})}, q, {1e4, 1});
  p.add(Op::accumulateLinear, {matrixSum, taken, x}, mark());
  p.add(Op::linearGradInput, {taken, matrix({N * H, D})}, y);
  p.add(Op::rmsNormGradInput, {y, x, norm}, y, {1e-5});
  const int32_t normGradient = p.slot(false, {fixed(D)}), rowSum = p.slot(false, {fixed(D)}),
                weightGradient = p.slot(false, {fixed(D), fixed(D)});
  p.add(Op::rmsNormGradWeight, {y, x}, normGradient, {1e-5});
  p.add(Op::accumulate, {normSum, normGradient}, mark());
  p.add(Op::sumRows, {x}, rowSum);
  p.add(Op::linearGradWeight, {x, y}, weightGradient);

  const int32_t scores = rows(E), limited = rows(E), chosen = p.slot(true, {per(T), fixed(K)}), shares = rows(K),
                scattered = rows(E), balance = rows(E), load = p.slot(false, {fixed(E)});
  p.add(Op::linear, {x, matrix({E, D})}, scores);
  p.add(Op::sigmoid, {scores}, scores);
  p.add(Op::limitGroups, {scores}, limited, {2, 1});
  p.add(Op::topK, {limited}, chosen, {K});
  p.add(Op::gather, {scores, chosen}, shares);
  p.add(Op::normalizeRowsGrad, {shares, shares}, rows(K), {1e-20});
  p.add(Op::scatterAddColumns, {shares, chosen}, scattered);
  p.add(Op::sigmoidGrad, {scattered, scores}, scattered);
  const int32_t soft = rows(E), softGradient = rows(E);
  p.add(Op::softmax, {scores}, soft);
  p.add(Op::softmaxGrad, {scattered, soft}, softGradient);
  p.add(Op::balanceWeights, {chosen, sequences, one}, balance);
  p.add(Op::countExperts, {chosen}, load);
  p.add(Op::chooseExperts, {scores, bias}, chosen, {K, 1, 1});
  const int32_t gate = rows(D, K), up = rows(D, K), back = rows(D), routedBack = rows(D, K),
                expertGradient = p.slot(false, {fixed(E), fixed(D), fixed(D)});
  p.add(Op::groupedLinear, {x, experts, chosen}, gate);
  p.add(Op::weightedSumGradRows, {x, shares}, up);
  p.add(Op::weightedSumGradWeights, {x, gate}, rows(K));
  p.add(Op::swigluGradGate, {up, gate, gate}, up);
  p.add(Op::siluGrad, {gate, up}, gate);
  p.add(Op::groupedLinearGradInput, {up, experts, chosen}, back);
  p.add(Op::groupedLinearGradInput, {up, experts, chosen}, routedBack);
  p.add(Op::groupedLinearGradWeight, {up, x, chosen}, expertGradient);
  p.add(Op::accumulateGroupedLinear, {expertSum, up, routedBack, chosen}, mark());
  p.add(Op::accumulateGroupedLinear, {expertSum, up, x, chosen}, mark());

  const int32_t losses = p.slot(false, {per(T)}), lossGradients = rows(D + 1), logits = rows(V), mean1 = mark(),
                table = p.slot(false, {fixed(V), fixed(D)});
  p.add(Op::linearCrossEntropy, {x, headHalf, targets, counts}, losses);
  p.add(Op::linearCrossEntropyGrad, {headSum, x, head, targets, counts}, lossGradients);
  p.add(Op::linear, {x, head}, logits);
  p.add(Op::crossEntropy, {logits, targets}, mean1);
  p.add(Op::crossEntropyGrad, {one, logits, targets}, logits);
  p.add(Op::accumulateRows, {headSum, x, tokens}, mark());
  p.add(Op::scatterAddRows, {x, tokens}, table);
  const int32_t norm2 = mark();
  p.add(Op::sumSquares, {expertSum}, norm2);
  p.add(Op::adamw, {parameter, matrixSum, mean, square, rates}, mark(), {0.9, 0.95, 1e-8, 0.1});
  p.add(Op::muon, {expertParameter, expertSum, expertMean, rates}, mark(), {0.95, 0.1});
  p.add(Op::fullLike, {back}, back, {0.5});
  p.outputs = {lossGradients, packed,  y,     normGradient,   rowSum,     weightGradient,
               scattered,     balance, load,  expertGradient, routedBack, losses,
               logits,        mean1,   table, norm2,          back,       softGradient};

  std::vector<int32_t> tokenIds, sequenceIds, targetIds, countWords;
  const auto word = [](float value) {
    int32_t bits;
    memcpy(&bits, &value, 4);
    return bits;
  };
  for (int t = 0; t < kTrainingTokens; ++t) {
    tokenIds.push_back(t * 7 % V);
    // Two documents, one of them longer than a block of queries, and one whose tokens are not consecutive.
    sequenceIds.push_back(t < 90 ? 3 : t % 2);
    targetIds.push_back(t % 5 == 4 ? -1 : t * 11 % V);
    countWords.push_back(word(t % 7 == 0 ? 0.0f : 0.25f));
  }
  model.bindings = {kTrainingTokens};
  model.inputs = {tokenIds,    sequenceIds, targetIds, countWords, {word(1e-3f), word(0.5f), word(0.1f), word(0.05f)},
                  {word(1.0f)}};
  model.isFloatInput = {false, false, false, true, true, true};
  model.squares = p.values[static_cast<size_t>(square)].index;
  model.resetStored(seed);
  return model;
}

}  // namespace dots
