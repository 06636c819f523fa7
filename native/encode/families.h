// Encoders of kindred storage types; encode-blocks.cc chooses among them.
#pragma once

#include "encode/encode-job.h"

namespace dots {
namespace DOTS_ISA {

void encodeSymmetric(const EncodeJob& job, int64_t firstBlock, int64_t numBlocks);  // q4_0 q5_0 q8_0 q3_k q6_k
void encodeAffine(const EncodeJob& job, int64_t firstBlock, int64_t numBlocks);     // q4_1 q5_1 q2_k q4_k q5_k
void encodeTable(const EncodeJob& job, int64_t firstBlock, int64_t numBlocks);      // iq4_nl iq4_xs mxfp4 nvfp4
void encodeTernary(const EncodeJob& job, int64_t firstBlock, int64_t numBlocks);    // tq1_0 tq2_0 q1_0
void encodeCodebook(const EncodeJob& job, int64_t firstBlock, int64_t numBlocks);   // iq1_*, iq2_*, iq3_*

}  // namespace DOTS_ISA
}  // namespace dots
