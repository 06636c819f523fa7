#include <algorithm>
#include <cmath>
#include <numeric>

#include "kernels/elementwise.h"
#include "kernels/router.h"
#include "tests/each-isa.h"

namespace dots {
namespace {

// The router after its matrix, from its parts: z_TE, bias_E -> experts_TK, weights_TK.
void route(const Kernels& kernels, const Routing& r, const std::vector<float>& z, const std::vector<float>& bias,
           std::vector<int32_t>* experts, std::vector<float>* weights) {
  const int E = r.numExperts, K = r.numExpertsPerToken, T = static_cast<int>(z.size()) / E;
  std::vector<float> scores(z.size()), scratch(E + r.numGroups, std::nanf(""));
  experts->resize(T * K);
  weights->resize(T * K);
  kernels.sigmoidElements(z.data(), scores.data(), 0, T * E);
  kernels.chooseExperts(r, scores.data(), bias.data(), scratch.data(), experts->data(), 0, T);
  kernels.gather(scores.data(), E, experts->data(), K, weights->data(), 0, T);
  kernels.normalizeRows(weights->data(), K, 1e-20f, weights->data(), 0, T);
  kernels.scaleElements(weights->data(), 2.5f, weights->data(), 0, T * K);
}

void publishedExamplesComeOut(const Kernels& kernels) {
  const std::vector<float> z = {0.5f, -1, 2, 0, 1, -0.5f, 0.25f, -2},
                           bias = {0, 0.5f, -0.4f, 0.3f, -0.1f, 0.2f, 0, 0.9f};
  struct Case {
    int numGroups, numKept;
    int32_t experts[3];
    float weights[3];
  };
  const Case cases[] = {{1, 1, {7, 3, 1}, {0.335539f, 1.407429f, 0.757032f}},
                        {4, 2, {7, 1, 0}, {0.294880f, 0.665299f, 1.539821f}}};
  for (const Case& c : cases) {
    std::vector<int32_t> experts;
    std::vector<float> weights;
    route(kernels, {8, 3, c.numGroups, c.numKept}, z, bias, &experts, &weights);
    for (int k = 0; k < 3; ++k) {
      CHECK(experts[k] == c.experts[k], "%s: slot %d is expert %d", isaName(kernels.isa), k, experts[k]);
      CHECK(std::fabs(weights[k] - c.weights[k]) < 1e-6f, "slot %d weighs %f", k, weights[k]);
    }
  }
}

// The plain way: sort groups, mask, sort columns.
std::vector<int32_t> choiceBySorting(const Routing& r, const float* scores, const float* bias) {
  const int size = r.numExperts / r.numGroups;
  std::vector<float> c(r.numExperts), groupScore(r.numGroups);
  for (int e = 0; e < r.numExperts; ++e) c[e] = scores[e] + bias[e];
  for (int g = 0; g < r.numGroups; ++g) {
    std::vector<float> sorted(c.begin() + g * size, c.begin() + (g + 1) * size);
    std::sort(sorted.rbegin(), sorted.rend());
    groupScore[g] = sorted[0] + (size > 1 ? sorted[1] : 0);
  }
  std::vector<int32_t> groups(r.numGroups), columns(r.numExperts);
  std::iota(groups.begin(), groups.end(), 0);
  std::stable_sort(groups.begin(), groups.end(), [&](int a, int b) { return groupScore[a] > groupScore[b]; });
  for (int i = r.numKept; i < r.numGroups; ++i) std::fill_n(c.begin() + groups[i] * size, size, -INFINITY);
  std::iota(columns.begin(), columns.end(), 0);
  std::stable_sort(columns.begin(), columns.end(), [&](int a, int b) { return c[a] > c[b]; });
  columns.resize(r.numExpertsPerToken);
  return columns;
}

void choiceEqualsSorting(const Kernels& kernels) {
  TestRandom random(7);
  const Routing routings[] = {{128, 6, 1, 1}, {16, 4, 4, 2}, {20, 3, 5, 5}, {9, 9, 1, 1},
                              {8, 2, 8, 3},   {1, 1, 1, 1},  {30, 5, 3, 1}, {512, 8, 8, 4}};
  for (const Routing& r : routings)
    for (int round = 0; round < 50; ++round) {
      const int E = r.numExperts, K = r.numExpertsPerToken, T = 3;
      std::vector<float> z = randomFloats(random, T * E), bias = randomFloats(random, E);
      // A few levels only, so that ties between experts and between groups are the rule; negative ones too.
      if (round % 2 == 0)
        for (float* x = z.data(); x < z.data() + z.size(); ++x) *x = std::nearbyint(*x);
      if (round % 2 == 0)
        for (float& x : bias) x = 0.5f * std::nearbyint(x) - 2;
      std::vector<float> scores(T * E), scratch(E + r.numGroups, std::nanf(""));
      std::vector<int32_t> experts(T * K), viaParts(T * K);
      kernels.sigmoidElements(z.data(), scores.data(), 0, T * E);
      kernels.chooseExperts(r, scores.data(), bias.data(), scratch.data(), experts.data(), 0, T);
      for (int t = 0; t < T; ++t) {
        const std::vector<int32_t> expected = choiceBySorting(r, scores.data() + t * E, bias.data());
        CHECK(std::equal(expected.begin(), expected.end(), experts.begin() + t * K), "%s E=%d K=%d groups %d of %d",
              isaName(kernels.isa), E, K, r.numKept, r.numGroups);
      }
      // The unfused ops come to the same choice.
      std::vector<float> biased(T * E);
      kernels.addElements(scores.data(), bias.data(), E, biased.data(), 0, T * E);
      kernels.limitGroups(r, biased.data(), scratch.data(), biased.data(), 0, T);
      kernels.topK(E, K, biased.data(), viaParts.data(), 0, T);
      CHECK(viaParts == experts, "topK(limitGroups(add())) differs");
    }
}

// Expert numbers index memory: they must be different and in range even when a model has gone wrong.
void damagedScoresStillGiveDifferentExperts(const Kernels& kernels) {
  const Routing r{16, 6, 4, 2};
  std::vector<float> z(16, std::nanf("")), bias(16, 0.0f), weights;
  std::vector<int32_t> experts;
  for (int round = 0; round < 4; ++round) {
    if (round == 1) z[3] = 1;
    if (round == 2) bias.assign(16, -INFINITY);
    if (round == 3) bias.assign(16, INFINITY);
    route(kernels, r, z, bias, &experts, &weights);
    std::vector<int32_t> sorted = experts;
    std::sort(sorted.begin(), sorted.end());
    CHECK(sorted.front() >= 0 && sorted.back() < 16, "%s out of range", isaName(kernels.isa));
    CHECK(std::adjacent_find(sorted.begin(), sorted.end()) == sorted.end(), "an expert twice, round %d", round);
  }
}

void groupByExpertIsStable(const Kernels& kernels) {
  TestRandom random(8);
  for (int round = 0; round < 50; ++round) {
    const int E = 1 + random.below(40), R = random.below(300);
    std::vector<int32_t> experts(R), offsets(E + 1, -1), rows(R, -1);
    for (int32_t& e : experts) e = random.below(E);
    kernels.groupByExpert(experts.data(), R, E, offsets.data(), rows.data());
    CHECK(offsets[0] == 0 && offsets[E] == R, "offsets %d to %d", offsets[0], offsets[E]);
    for (int e = 0; e < E; ++e)
      for (int i = offsets[e]; i < offsets[e + 1]; ++i) {
        CHECK(experts[rows[i]] == e, "row %d is listed under expert %d", rows[i], e);
        CHECK(i == offsets[e] || rows[i - 1] < rows[i], "rows of expert %d do not rise", e);
      }
  }
}

// Shares of one as in f64, whatever the width; -infinity gets nothing, and scores too large for e^x do no harm.
void softmaxGivesShares(const Kernels& kernels) {
  TestRandom random(6);
  for (const int64_t width : {1, 2, 7, 15, 16, 17, 33, 128, 1000}) {
    const int64_t rows = 5;
    std::vector<float> x = randomFloats(random, rows * width, 4), y(x.size());
    x[0] = 1e30f;
    if (width > 1) x[width] = -INFINITY;
    for (int64_t i = 2 * width; i < 3 * width; ++i) x[i] = -2e4f + x[i];
    kernels.softmax(x.data(), width, y.data(), 0, rows);
    for (int64_t t = 0; t < rows; ++t) {
      const float* const row = x.data() + t * width;
      const double largest = *std::max_element(row, row + width);
      double sum = 0;
      for (int64_t i = 0; i < width; ++i) sum += std::exp(row[i] - largest);
      for (int64_t i = 0; i < width; ++i) {
        const double expected = std::exp(row[i] - largest) / sum, found = y[t * width + i];
        // In f32 the sum rounds once a column, the exponent by its size, and e^x and the division by a few ulps.
        const double bound = std::isinf(row[i]) ? 0 : (width + (largest - row[i]) + 8) * 0x1p-24 * expected;
        CHECK(std::fabs(found - expected) <= bound + 1e-37, "%s: row %d of width %d: column %d has %g, not %g",
              isaName(kernels.isa), int(t), int(width), int(i), found, expected);
      }
    }
    // A row gets the same bits alone and in place.
    for (int64_t t = 0; t < rows; ++t) kernels.softmax(x.data(), width, x.data(), t, t + 1);
    CHECK(sameBits(x, y), "%s: width %d in place", isaName(kernels.isa), int(width));
  }
}

// As the other sets of instructions, bit for bit.
void softmaxIsTheSameOnEveryIsa() {
  TestRandom random(7);
  const int64_t width = 77, rows = 9;
  const std::vector<float> x = randomFloats(random, rows * width, 10);
  std::vector<float> first;
  onEachIsa([&](const Kernels& kernels) {
    std::vector<float> y(x.size());
    kernels.softmax(x.data(), width, y.data(), 0, rows);
    if (first.empty()) first = y;
    CHECK(sameBits(y, first), "%s", isaName(kernels.isa));
  });
}

}  // namespace
}  // namespace dots

int main() {
  dots::onEachIsa([](const dots::Kernels& kernels) {
    dots::publishedExamplesComeOut(kernels);
    dots::choiceEqualsSorting(kernels);
    dots::damagedScoresStillGiveDifferentExperts(kernels);
    dots::groupByExpertIsStable(kernels);
    dots::softmaxGivesShares(kernels);
  });
  dots::softmaxIsTheSameOnEveryIsa();
  return dots::finishTests("router");
}
