#include "embedding.h"

#include "isa.h"

namespace dots {
namespace DOTS_ISA {

int64_t findOutside(const int32_t* numbers, int64_t count, int64_t limit) {
  for (int64_t i = 0; i < count; ++i)
    if (numbers[i] < 0 || numbers[i] >= limit) return i;
  return -1;
}

bool embedding(DecodeRow decode, StorageId type, const uint8_t* table_VD, int64_t rowBytes, const int32_t* ids_T,
               int64_t width, float* y_TD, int64_t begin, int64_t end) {
  for (int64_t t = begin; t < end; ++t)
    if (!decode(type, table_VD + ids_T[t] * rowBytes, width, y_TD + t * width)) return false;
  return true;
}

void takeRows(const float* x_TD, const int32_t* rows_O, int64_t width, float* y_OD, int64_t begin, int64_t end) {
  for (int64_t o = begin; o < end; ++o)
    memcpy(y_OD + o * width, x_TD + rows_O[o] * width, sizeof(float) * static_cast<size_t>(width));
}

}  // namespace DOTS_ISA
}  // namespace dots
