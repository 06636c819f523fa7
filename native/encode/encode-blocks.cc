#include "encode/families.h"

namespace dots {
namespace DOTS_ISA {

void encodeBlocks(const EncodeJob& job, int64_t firstBlock, int64_t numBlocks) {
  switch (job.type) {
    case StorageId::kQ4_0:
    case StorageId::kQ5_0:
    case StorageId::kQ8_0:
    case StorageId::kQ3K:
    case StorageId::kQ6K: return encodeSymmetric(job, firstBlock, numBlocks);
    case StorageId::kQ4_1:
    case StorageId::kQ5_1:
    case StorageId::kQ2K:
    case StorageId::kQ4K:
    case StorageId::kQ5K: return encodeAffine(job, firstBlock, numBlocks);
    case StorageId::kIq4Nl:
    case StorageId::kIq4Xs:
    case StorageId::kMxfp4:
    case StorageId::kNvfp4: return encodeTable(job, firstBlock, numBlocks);
    case StorageId::kTq1_0:
    case StorageId::kTq2_0:
    case StorageId::kQ1_0: return encodeTernary(job, firstBlock, numBlocks);
    default: return encodeCodebook(job, firstBlock, numBlocks);
  }
}

}  // namespace DOTS_ISA
}  // namespace dots
