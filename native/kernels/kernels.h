// All kernels of one instruction set, as a table of functions. Whoever runs kernels holds the table of the instruction
// set that it was opened for: buffers are laid out for one, and nothing can change it in between.
#pragma once

#include "attention.h"
#include "causal-attention.h"
#include "combine.h"
#include "elementwise.h"
#include "embedding.h"
#include "encode/encode-job.h"
#include "gemm-tile.h"
#include "gradients.h"
#include "linear-tiles.h"
#include "minhash.h"
#include "peak-loops.h"
#include "quantize-rows.h"
#include "rms-norm.h"
#include "rope.h"
#include "router.h"
#include "row-gradients.h"
#include "swiglu.h"

// Every kernel that a header declares with DOTS_DECLARE_KERNEL.
#define DOTS_KERNELS(X)     \
  X(adamw)                  \
  X(addElements)            \
  X(addRows)                \
  X(attend)                 \
  X(attendWorkspaceBytes)   \
  X(causalAttention)        \
  X(causalAttentionGrad)    \
  X(causalAttentionScratch) \
  X(checkKvStep)            \
  X(chooseExperts)          \
  X(embedding)              \
  X(encodeBlocks)           \
  X(fillElements)           \
  X(findOutside)            \
  X(gather)                 \
  X(gemmBlock)              \
  X(gemmPanelWidth)         \
  X(gemmTileRows)           \
  X(groupByExpert)          \
  X(headPageBytes)          \
  X(limitGroups)            \
  X(linearTile32)           \
  X(linearTileCodebook)     \
  X(linearTileFloat)        \
  X(linearTileK)            \
  X(minhash)                \
  X(mulElements)            \
  X(multiplyBytes)          \
  X(multiplyFloats)         \
  X(normalizeRows)          \
  X(normalizeRowsGrad)      \
  X(packGemmPanels)         \
  X(packGemmRows)           \
  X(planAttention)          \
  X(quantizeRows)           \
  X(readBytes)              \
  X(rmsNorm)                \
  X(rmsNormGradInput)       \
  X(rmsNormGradWeight)      \
  X(rope)                   \
  X(ropeAngles)             \
  X(ropeGrad)               \
  X(ropeInterleaved)        \
  X(ropeInterleavedGrad)    \
  X(scaleElements)          \
  X(scatterAddColumns)      \
  X(sigmoidElements)        \
  X(sigmoidGrad)            \
  X(siluElements)           \
  X(siluGrad)               \
  X(softmax)                \
  X(softmaxGrad)            \
  X(softmaxLoss)            \
  X(sumRows)                \
  X(sumSlots)               \
  X(sumSquares)             \
  X(swiglu)                 \
  X(swigluGradGate)         \
  X(takeColumns)            \
  X(takeRows)               \
  X(topK)                   \
  X(weightedSum)            \
  X(weightedSumGradRows)    \
  X(weightedSumGradWeights) \
  X(writeKv)

namespace dots {

struct Kernels {
  Isa isa;
#define DOTS_KERNEL_MEMBER(name) decltype(&portable::name) name;
  DOTS_KERNELS(DOTS_KERNEL_MEMBER)
#undef DOTS_KERNEL_MEMBER
};

/// Of an instruction set that this machine supports.
const Kernels& kernelsFor(Isa isa);

}  // namespace dots
