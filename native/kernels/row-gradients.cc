#include "row-gradients.h"

#include <math.h>

#include "rms-norm-row.h"
#include "sigmoid.h"

namespace dots {
namespace DOTS_ISA {

/// Sum of f(i) over a row, in 64 interleaved parts; f(i, n) gives sixteen elements from i, zeros after the first n.
template <class F>
DOTS_INLINE float sumOfRow(int64_t width, F f) {
  Vec16 sum[4] = {set16(0.0f), set16(0.0f), set16(0.0f), set16(0.0f)};
  int64_t i = 0;
  for (; i + 64 <= width; i += 64)
    for (int part = 0; part < 4; ++part) sum[part] = add(sum[part], f(i + 16 * part, 16));
  for (int part = 0; i < width; i += 16, ++part)
    sum[part] = add(sum[part], f(i, static_cast<int>(minOf<int64_t>(16, width - i))));
  return reduceAdd16(add(add(sum[0], sum[1]), add(sum[2], sum[3])));
}

DOTS_INLINE Vec16 loadUpTo16(const float* p, int n) { return n == 16 ? load16(p) : loadTail16(p, n); }
DOTS_INLINE void storeUpTo16(float* p, Vec16 v, int n) {
  if (n == 16)
    store16(p, v);
  else
    storeTail16(p, v, n);
}

void rmsNormGradInput(const float* gradient_RD, const float* x_RD, const float* w_D, float eps, int64_t width,
                      float* y_RD, int64_t begin, int64_t end) {
  for (int64_t row = begin; row < end; ++row) {
    const float *g = gradient_RD + row * width, *x = x_RD + row * width;
    float* y = y_RD + row * width;
    const float factor = inverseRootMeanSquare(x, width, eps);
    const float along = sumOfRow(width, [&](int64_t i, int n) {
      return mul(mul(loadUpTo16(g + i, n), loadUpTo16(w_D + i, n)), loadUpTo16(x + i, n));
    });
    const float pull = factor * factor * along / static_cast<float>(width);
    for (int64_t i = 0; i < width; i += 16) {
      const int n = static_cast<int>(minOf<int64_t>(16, width - i));
      const Vec16 own = mul(loadUpTo16(g + i, n), loadUpTo16(w_D + i, n));
      storeUpTo16(y + i, mul(set16(factor), sub(own, mul(loadUpTo16(x + i, n), set16(pull)))), n);
    }
  }
}

/// sum_D = the sum over rows of f(row, i, n).
template <class Prepare, class F>
DOTS_INLINE void sumOverRows(int64_t width, float* sum_D, int64_t begin, int64_t end, Prepare prepare, F f) {
  for (int64_t i = 0; i < width; ++i) sum_D[i] = 0;
  for (int64_t row = begin; row < end; ++row) {
    const float factor = prepare(row);
    for (int64_t i = 0; i < width; i += 16) {
      const int n = static_cast<int>(minOf<int64_t>(16, width - i));
      storeUpTo16(sum_D + i, add(loadUpTo16(sum_D + i, n), f(row, i, n, factor)), n);
    }
  }
}

void rmsNormGradWeight(const float* gradient_RD, const float* x_RD, float eps, int64_t width, float* sum_D,
                       int64_t begin, int64_t end) {
  sumOverRows(
      width, sum_D, begin, end, [&](int64_t row) { return inverseRootMeanSquare(x_RD + row * width, width, eps); },
      [&](int64_t row, int64_t i, int n, float factor) {
        return mul(mul(loadUpTo16(gradient_RD + row * width + i, n), loadUpTo16(x_RD + row * width + i, n)),
                   set16(factor));
      });
}

void sumRows(const float* x_RD, int64_t width, float* sum_D, int64_t begin, int64_t end) {
  sumOverRows(
      width, sum_D, begin, end, [](int64_t) { return 0.0f; },
      [&](int64_t row, int64_t i, int n, float) { return loadUpTo16(x_RD + row * width + i, n); });
}

void normalizeRowsGrad(const float* gradient_TK, const float* x_TK, int64_t width, float eps, float* y_TK,
                       int64_t begin, int64_t end) {
  for (int64_t row = begin; row < end; ++row) {
    const float *g = gradient_TK + row * width, *x = x_TK + row * width;
    float* y = y_TK + row * width;
    float sum = 0, along = 0;
    for (int64_t i = 0; i < width; ++i) {
      sum += x[i];
      along += g[i] * x[i];
    }
    sum += eps;
    const float pull = along / sum;
    for (int64_t i = 0; i < width; ++i) y[i] = (g[i] - pull) / sum;
  }
}

void softmaxGrad(const float* gradient_TE, const float* y_TE, int64_t width, float* x_TE, int64_t begin, int64_t end) {
  for (int64_t row = begin; row < end; ++row) {
    const float *g = gradient_TE + row * width, *y = y_TE + row * width;
    float* x = x_TE + row * width;
    float along = 0;
    for (int64_t i = 0; i < width; ++i) along += g[i] * y[i];
    for (int64_t i = 0; i < width; ++i) x[i] = y[i] * (g[i] - along);
  }
}

void weightedSumGradRows(const float* gradient_TD, const float* weights_TK, int64_t k, int64_t width, float* y_RD,
                         int64_t begin, int64_t end) {
  for (int64_t r = begin * k; r < end * k; ++r) {
    const float* g = gradient_TD + r / k * width;
    const float factor = weights_TK[r];
    mapElements(g, g, y_RD + r * width, 0, width, [=](Vec16 p, Vec16) { return mul(p, set16(factor)); });
  }
}

void weightedSumGradWeights(const float* gradient_TD, const float* rows_RD, int64_t k, int64_t width, float* weights_TK,
                            int64_t begin, int64_t end) {
  for (int64_t r = begin * k; r < end * k; ++r) {
    const float *g = gradient_TD + r / k * width, *y = rows_RD + r * width;
    weights_TK[r] = sumOfRow(width, [&](int64_t i, int n) { return mul(loadUpTo16(g + i, n), loadUpTo16(y + i, n)); });
  }
}

void scatterAddColumns(const float* x_TK, const int32_t* columns_TK, int64_t k, int64_t width, float* y_TE,
                       int64_t begin, int64_t end) {
  for (int64_t row = begin; row < end; ++row) {
    float* y = y_TE + row * width;
    for (int64_t i = 0; i < width; ++i) y[i] = 0;
    for (int64_t i = 0; i < k; ++i) y[columns_TK[row * k + i]] += x_TK[row * k + i];
  }
}

void takeColumns(const float* x_TC, int64_t width, int64_t first, int64_t count, float* y, int64_t begin, int64_t end) {
  for (int64_t row = begin; row < end; ++row)
    memcpy(y + row * count, x_TC + row * width + first, static_cast<size_t>(count) * 4);
}

void addRows(const float* x, int64_t ldX, const int32_t* rows, int64_t numRows, float* sum_VD, int64_t width,
             int64_t begin, int64_t end) {
  for (int64_t row = 0; row < numRows; ++row) {
    float* sum = sum_VD + rows[row] * width;
    mapElements(sum, x + row * ldX, sum, begin, end, [](Vec16 p, Vec16 q) { return add(p, q); });
  }
}

void sumSlots(const float* x_RD, int64_t k, int64_t width, float* y_TD, int64_t begin, int64_t end) {
  for (int64_t t = begin; t < end; ++t)
    for (int64_t i = 0; i < width; i += 16) {
      const int n = static_cast<int>(minOf<int64_t>(16, width - i));
      const float* x = x_RD + t * k * width + i;
      Vec16 sum = loadUpTo16(x, n);
      for (int64_t slot = 1; slot < k; ++slot) sum = add(sum, loadUpTo16(x + slot * width, n));
      storeUpTo16(y_TD + t * width + i, sum, n);
    }
}

float softmaxLoss(const float* logits_V, int64_t width, int64_t target, float factor, float* d_V) {
  Vec16 most = set16(logits_V[0]);
  int64_t i = 0;
  for (; i + 16 <= width; i += 16) most = max(load16(logits_V + i), most);
  float top = reduceMax16(most);
  for (; i < width; ++i) top = maxOf(top, logits_V[i]);
  const float atTarget = logits_V[target];
  const float sum = sumOfRow(width, [&](int64_t at, int n) {
    // After the row's end the logit is zero, whose exponential is taken away by the load of zeros below.
    Vec16 e = exp16(sub(loadUpTo16(logits_V + at, n), set16(top)));
    if (n < 16) {
      float lanes[16];
      store16(lanes, e);
      e = loadTail16(lanes, n);
    }
    if (d_V) storeUpTo16(d_V + at, e, n);
    return e;
  });
  if (d_V) {
    const float scale = factor / sum;
    mapElements(d_V, d_V, d_V, 0, width, [=](Vec16 p, Vec16) { return mul(p, set16(scale)); });
    d_V[target] -= factor;
  }
  return factor *
         static_cast<float>(::log(static_cast<double>(sum)) + static_cast<double>(top) - static_cast<double>(atTarget));
}

void ropeGrad(const float* x_TNH, const float* angles_T2P, int64_t numHeads, int64_t headWidth, float* y_TNH,
              int64_t begin, int64_t end) {
  const int64_t pairs = headWidth / 2;
  for (int64_t row = begin; row < end; ++row) {
    const float *x = x_TNH + row * headWidth, *cosines = angles_T2P + row / numHeads * headWidth,
                *sines = cosines + pairs;
    float* y = y_TNH + row * headWidth;
    int64_t i = 0;
    for (; i + kLanes <= pairs; i += kLanes) {
      const Vec a = load(x + i), b = load(x + pairs + i), c = load(cosines + i), s = load(sines + i);
      store(y + i, add(mul(a, c), mul(b, s)));
      store(y + pairs + i, sub(mul(b, c), mul(a, s)));
    }
    for (; i < pairs; ++i) {
      const float a = x[i], b = x[pairs + i];
      y[i] = a * cosines[i] + b * sines[i];
      y[pairs + i] = b * cosines[i] - a * sines[i];
    }
  }
}

void ropeInterleavedGrad(const float* x_TNH, const float* angles_T2P, int64_t numHeads, int64_t headWidth, float* y_TNH,
                         int64_t begin, int64_t end) {
  for (int64_t row = begin; row < end; ++row) {
    const float *x = x_TNH + row * headWidth, *cosines = angles_T2P + row / numHeads * headWidth;
    const float* sines = cosines + headWidth / 2;
    float* y = y_TNH + row * headWidth;
    for (int64_t i = 0; i < headWidth / 2; ++i) {
      const float a = x[2 * i], b = x[2 * i + 1];
      y[2 * i] = a * cosines[i] + b * sines[i];
      y[2 * i + 1] = b * cosines[i] - a * sines[i];
    }
  }
}

}  // namespace DOTS_ISA
}  // namespace dots
