// Rows of a stored table, by token.
#include "op.h"

#include "kernels/decode-row.h"
#include "kernels/embedding.h"
#include "kernels/storage.h"

namespace dots::ops {

bool embedding::fits(const Operands& op) {
  return op.isWeight(0, 2) && op.isIntegers(1) && op.isFloats(kOut) && op.width(kOut) == op.width(0) &&
         op.rows(kOut) == op.elements(1);
}

bool embedding::run(Call& op) {
  const Weight& table = op.weight(0);
  const int32_t* ids_T = op.integers(1);
  const int64_t numRows = op.rows(kOut), width = op.width(kOut);
  if (op.kernels().findOutside(ids_T, numRows, table.dims[0]) >= 0)
    return op.fail("a token id is outside of the table");
  const StorageInfo* storage = storageInfo(table.type);
  const DecodeRow decode = decodeRow;
  bool isDecoded = true;
  op.share(numRows, 4 * width, [&, kernel = op.kernels().embedding](int64_t begin, int64_t end, int) {
    if (!kernel(decode, storage->id, table.parts[0].data(), storedBytes(*storage, width), ids_T, width, op.floats(kOut),
                begin, end))
      isDecoded = false;
  });
  return isDecoded || op.failForType("the embedding table has a type that cannot be decoded");
}

}  // namespace dots::ops
