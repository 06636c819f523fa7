// Rows picked by number: out of a stored table, or out of activations.
#pragma once

#include <cstdint>

#include "isa-dispatch.h"
#include "storage.h"

namespace dots {

/// Widens `count` stored elements to f32; false for a type it does not know. `decodeRow` of storage.h is one.
using DecodeRow = bool (*)(StorageId type, const uint8_t* row, int64_t count, float* out);

DOTS_DECLARE_KERNEL(
    /// The first of `count` numbers that is not in 0...limit-1, or -1. Row numbers come from callers and index memory.
    int64_t findOutside(const int32_t* numbers, int64_t count, int64_t limit))

DOTS_DECLARE_KERNEL(
    /// Rows ids_T of a stored table, widened. table_VD, ids_T -> y_TD, tokens [begin, end). False if `decode` refuses.
    bool embedding(DecodeRow decode, StorageId type, const uint8_t* table_VD, int64_t rowBytes, const int32_t* ids_T,
                   int64_t width, float* y_TD, int64_t begin, int64_t end))

DOTS_DECLARE_KERNEL(
    /// x_TD, rows_O -> y_OD, rows [begin, end).
    void takeRows(const float* x_TD, const int32_t* rows_O, int64_t width, float* y_OD, int64_t begin, int64_t end))

}  // namespace dots
