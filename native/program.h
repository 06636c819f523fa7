// A program as TypeScript compiled it: flat, checked once, then run step by step.
//
// The words (all int32) are, in order:
//   opsFingerprint, numSymbols, numValues, numSlots, numInstructions, numOutputs, numConstants
//   values:       kind, index, element (0 f32, 1 i32), rank, then rank times (times, symbol or -1)
//   slots:        numAlternatives, then each (bytes, symbol or -1); a slot is as large as its largest alternative
//   instructions: op, numInputs, value ids, output value id, first constant, numConstants
//   outputs:      value ids
// Attributes are f64 constants outside of the words. `kind` and `op` are the numbers of the enums below;
// src/backend/program/encode-program.ts writes what this file reads.
#pragma once

#include <cstdint>

#include "error.h"
#include "memory.h"

namespace dots {

enum class ValueKind : int32_t { kInput = 0, kWeight = 1, kState = 2, kSlot = 3 };

enum class Op : int32_t {
#define DOTS_OP(name, ...) name,
#include "ops.def"
};

constexpr int32_t kNumOps = 0
#define DOTS_OP(name, ...) +1
#include "ops.def"
    ;

/// A number that another table of ops does not have: words are read by the addon that they were written for, or not at
/// all.
int32_t opsFingerprint();

/// times * symbol, or times where symbol is negative.
struct Dim {
  int32_t times = 0;
  int32_t symbol = -1;
};

constexpr int kMaxRank = 4;

struct Value {
  ValueKind kind;
  int32_t index;  // of the input, weight, state or slot
  bool isInt;
  int32_t rank;
  Dim dims[kMaxRank];
};

struct Instruction {
  Op op;
  Buffer<int32_t> inputs;
  int32_t output;
  Buffer<double> constants;
};

struct Program {
  int32_t numSymbols = 0;
  int32_t numInputs = 0;
  int32_t numWeights = 0;
  int32_t numStates = 0;
  Buffer<Value> values;
  Buffer<Buffer<Dim>> slots;
  Buffer<Instruction> instructions;
  Buffer<int32_t> outputs;
};

/// Reads and checks: every number is looked at before it is used, so any words at all give a program or an error, which
/// says what is wrong and at which word (kInternal), or that memory ran out (kResource).
bool parseProgram(const int32_t* words, int64_t numWords, const double* constants, int64_t numConstants,
                  Program* program, Error* error);

/// Product of a value's axes with the symbols bound; -1 on overflow.
int64_t numElements(const Value& value, const int32_t* bindings);
int64_t evaluate(const Dim& dim, const int32_t* bindings);

/// Bytes of all slots together and where each begins; -1 with `error` set where that is more than `limitBytes` or a
/// value does not fit into its slot.
int64_t layoutSlots(const Program& program, const int32_t* bindings, int64_t limitBytes, Buffer<int64_t>* offsets,
                    Error* error);

}  // namespace dots
