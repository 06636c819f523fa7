// Which instruction sets exist, and how a kernel is declared for all of them.
//
// A kernel's header declares it with DOTS_DECLARE_KERNEL(void rmsNorm(const float* x, ...)); its source defines it once
// inside `namespace dots { namespace DOTS_ISA { ... } }`; kernels.h lists it, so that a caller finds the copy of its
// instruction set as kernels.rmsNorm.
#pragma once

namespace dots {

enum class Isa { kPortable = 0, kAvx2 = 1, kAvx512 = 2, kNeon = 3 };
/// From the plainest to the best.
constexpr Isa kAllIsas[] = {Isa::kPortable, Isa::kNeon, Isa::kAvx2, Isa::kAvx512};

/// "portable", "avx2" (with FMA and F16C), "avx512" (F, BW, DQ, VL, VNNI) or "neon" (with dot products).
const char* isaName(Isa isa);
/// Whether this binary holds the kernels and this machine can run them.
bool isaSupported(Isa isa);
/// The one of that name; false where it does not exist or is not supported.
bool findIsa(const char* name, Isa* isa);

}  // namespace dots

#if defined(__x86_64__)
#define DOTS_DECLARE_KERNEL(...) \
  namespace portable {           \
  __VA_ARGS__;                   \
  }                              \
  namespace avx2 {               \
  __VA_ARGS__;                   \
  }                              \
  namespace avx512 {             \
  __VA_ARGS__;                   \
  }
#elif defined(__aarch64__)
#define DOTS_DECLARE_KERNEL(...) \
  namespace portable {           \
  __VA_ARGS__;                   \
  }                              \
  namespace neon {               \
  __VA_ARGS__;                   \
  }
#else
#define DOTS_DECLARE_KERNEL(...) \
  namespace portable {           \
  __VA_ARGS__;                   \
  }
#endif
