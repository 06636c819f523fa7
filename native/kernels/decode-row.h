// One stored row, widened: for the embedding table and for vectors. Matrix products never decode; see linear.h.
#pragma once

#include <cstdint>

#include "storage.h"

namespace dots {

/// `count` elements of `type`, a multiple of its block, from `row` to `out`; false for a type without kernels.
bool decodeRow(StorageId type, const uint8_t* row, int64_t count, float* out);

}  // namespace dots
