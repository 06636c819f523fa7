#include "kernels.h"

namespace dots {

#define DOTS_KERNEL_OF_ISA(name) name,
namespace portable {
static const Kernels kKernels = {Isa::kPortable, DOTS_KERNELS(DOTS_KERNEL_OF_ISA)};
}
#if defined(__x86_64__)
namespace avx2 {
static const Kernels kKernels = {Isa::kAvx2, DOTS_KERNELS(DOTS_KERNEL_OF_ISA)};
}
namespace avx512 {
static const Kernels kKernels = {Isa::kAvx512, DOTS_KERNELS(DOTS_KERNEL_OF_ISA)};
}
#elif defined(__aarch64__)
namespace neon {
static const Kernels kKernels = {Isa::kNeon, DOTS_KERNELS(DOTS_KERNEL_OF_ISA)};
}
#endif

const Kernels& kernelsFor(Isa isa) {
#if defined(__x86_64__)
  if (isa == Isa::kAvx512) return avx512::kKernels;
  if (isa == Isa::kAvx2) return avx2::kKernels;
#elif defined(__aarch64__)
  if (isa == Isa::kNeon) return neon::kKernels;
#endif
  (void)isa;
  return portable::kKernels;
}

}  // namespace dots
