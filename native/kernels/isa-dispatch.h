// Which instruction sets exist, which one runs, and how a kernel finds its own copy.
//
// A kernel's header declares it for all instruction sets with DOTS_DECLARE_KERNEL(void rmsNorm(const float* x, ...));
// its source defines it once inside `namespace dots { namespace DOTS_ISA { ... } }`; a caller writes
// DOTS_KERNEL(rmsNorm)(x, ...), which picks the copy for dots::currentIsa().
#pragma once

namespace dots {

enum class Isa { kPortable = 0, kAvx2 = 1, kAvx512 = 2, kNeon = 3 };

/// "portable", "avx2" (with FMA and F16C), "avx512" (F, BW, DQ, VL, VNNI) or "neon" (with dot products).
const char* isaName(Isa isa);
/// Whether this binary holds the kernels and this machine can run them.
bool isaSupported(Isa isa);
/// The instruction set that every kernel of this process runs on; the best supported one unless setIsa chose another.
Isa currentIsa();
/// For tests and measurements, between programs only. Returns false, and changes nothing, where unsupported.
bool setIsa(Isa isa);

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
#define DOTS_KERNEL(name)                                              \
  (::dots::currentIsa() == ::dots::Isa::kAvx512 ? ::dots::avx512::name \
   : ::dots::currentIsa() == ::dots::Isa::kAvx2 ? ::dots::avx2::name   \
                                                : ::dots::portable::name)
#elif defined(__aarch64__)
#define DOTS_DECLARE_KERNEL(...) \
  namespace portable {           \
  __VA_ARGS__;                   \
  }                              \
  namespace neon {               \
  __VA_ARGS__;                   \
  }
#define DOTS_KERNEL(name) (::dots::currentIsa() == ::dots::Isa::kNeon ? ::dots::neon::name : ::dots::portable::name)
#else
#define DOTS_DECLARE_KERNEL(...) \
  namespace portable {           \
  __VA_ARGS__;                   \
  }
#define DOTS_KERNEL(name) (::dots::portable::name)
#endif
