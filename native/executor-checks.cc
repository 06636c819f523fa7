// What is checked before anything runs: operands of each op, once when a program is loaded and again, with sizes, for
// each new binding of its symbols. What a single op takes for granted is in ops/<op>.cc.
#include "kernels/storage.h"
#include "op.h"

namespace dots {

bool Executable::checkOperandCounts(Error* error) const {
  for (const Instruction& instruction : program_.instructions) {
    const OpInfo& info = opInfo(instruction.op);
    const int numInputs = static_cast<int>(instruction.inputs.size());
    if (numInputs >= info.minInputs && numInputs <= info.maxInputs &&
        static_cast<int>(instruction.constants.size()) == info.numConstants) {
      continue;
    }
    return fail(error, ErrorKind::kInternal, "an instruction has too few or too many operands");
  }
  return true;
}

/// Whether all rows that are multiplied by quantised weights come straight from quantizeRows: kernels rely on the
/// codes' range and on sums that belong to them.
bool Executable::checkConverted(Error* error) const {
  Buffer<const Instruction*> writers;
  if (!writers.resize(program_.slots.size()))
    return fail(error, ErrorKind::kResource, "out of memory for checking a program");
  for (const Instruction& instruction : program_.instructions) {
    const int32_t output = value(instruction.output).index;
    if (instruction.op == Op::linear || instruction.op == Op::groupedLinear) {
      const int32_t x = instruction.inputs[0], w = instruction.inputs[1];
      if (value(w).kind != ValueKind::kWeight)
        return fail(error, ErrorKind::kInternal, "a matrix product of something else than rows and weights");
      const Activation wanted = storageInfo(weight(w).type)->activation;
      const Instruction* writer =
          value(x).kind == ValueKind::kSlot ? writers[static_cast<size_t>(value(x).index)] : nullptr;
      const bool isConverted = writer && writer->op == Op::quantizeRows && writer->output == x &&
                               writer->constants[0] == static_cast<double>(static_cast<int>(wanted));
      if (wanted != Activation::kF32 && !isConverted)
        return fail(error, ErrorKind::kInternal, "rows are multiplied by quantised weights without conversion");
    }
    writers[static_cast<size_t>(output)] = &instruction;
  }
  return true;
}

/// Sizes only; what ids point to is checked when they are read.
bool Executable::checkInstruction(const Instruction& instruction, Error* error) const {
  const OpInfo& info = opInfo(instruction.op);
  const Operands operands(*this, instruction);
  if (operands.areSensible() && info.fits(operands)) return true;
  return fail(error, ErrorKind::kInternal, "operands of %s do not fit each other", info.name);
}

}  // namespace dots
