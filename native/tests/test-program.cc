// The program checker: what it takes, and that it names what is wrong with everything else.
#include <chrono>

#include "program.h"
#include "small-program.h"

using namespace dots;

static bool parses(const std::vector<int32_t>& words, const std::vector<double>& constants, Error* error) {
  Program program;
  // An exact copy, so that a read past the end is a read past an allocation.
  const std::vector<int32_t> exact(words);
  error->clear();
  return parseProgram(exact.data(), static_cast<int64_t>(exact.size()), constants.data(),
                      static_cast<int64_t>(constants.size()), &program, error);
}

static void refuses(ProgramDraft draft, const char* expected) {
  std::vector<int32_t> words;
  std::vector<double> constants;
  draft.encode(&words, &constants);
  Error error;
  CHECK(!parses(words, constants, &error), "accepted what should be \"%s\"", expected);
  CHECK(std::strstr(error.message(), expected), "\"%s\" is not about \"%s\"", error.message(), expected);
}

static ProgramDraft oneScale() {
  ProgramDraft draft;
  draft.numSymbols = 1;
  const int32_t x = draft.slot(false, {Dim{1, 0}, Dim{8, -1}}),
                table = draft.source(ValueKind::kWeight, 0, false, {Dim{4, -1}, Dim{8, -1}});
  const int32_t tokens = draft.source(ValueKind::kInput, 0, true, {Dim{1, 0}});
  draft.add(Op::embedding, {table, tokens}, x);
  draft.add(Op::scale, {x}, x, {0.5});
  draft.outputs = {x};
  return draft;
}

template <class T>
static bool isSame(const Buffer<T>& a, const std::vector<T>& b) {
  return a.size() == b.size() && std::equal(a.begin(), a.end(), b.begin());
}

static void readsWhatWasWritten() {
  const SmallModel model = makeSmallModel();
  std::vector<int32_t> words;
  std::vector<double> constants;
  model.draft.encode(&words, &constants);
  Program program;
  Error error;
  const bool isRead = parseProgram(words.data(), static_cast<int64_t>(words.size()), constants.data(),
                                   static_cast<int64_t>(constants.size()), &program, &error);
  CHECK(isRead, "%s", error.message());
  CHECK(program.values.size() == model.draft.values.size() &&
            program.instructions.size() == model.draft.instructions.size(),
        "lost some");
  CHECK(program.numInputs == 5 && program.numStates == 2 &&
            program.numWeights == static_cast<int32_t>(model.weights.size()),
        "%d inputs, %d states, %d weights", program.numInputs, program.numStates, program.numWeights);
  for (size_t i = 0; i < program.instructions.size(); ++i) {
    const Instruction& a = program.instructions[i];
    const InstructionDraft& b = model.draft.instructions[i];
    CHECK(a.op == b.op && isSame(a.inputs, b.inputs) && a.output == b.output && isSame(a.constants, b.constants),
          "instruction %d", static_cast<int>(i));
  }
}

static void namesWhatIsWrong() {
  ProgramDraft draft = oneScale();
  draft.instructions[1].inputs = {99};
  refuses(draft, "out of range: input");
  draft = oneScale();
  draft.instructions[0].inputs = {1, 2};
  draft.instructions[0].output = 2;
  refuses(draft, "not working memory");
  draft = oneScale();
  std::swap(draft.instructions[0], draft.instructions[1]);
  refuses(draft, "read before it is written");
  draft = oneScale();
  draft.outputs = {1};
  refuses(draft, "never written");
  draft = oneScale();
  draft.values[0].index = 1;
  refuses(draft, "out of range: value index");
  draft = oneScale();
  draft.slots.clear();
  refuses(draft, "there is no slot");
  draft = oneScale();
  draft.values[0].rank = 5;
  refuses(draft, "out of range: rank");
  draft = oneScale();
  draft.values[0].dims[0].symbol = 1;
  refuses(draft, "out of range: symbol");
  draft = oneScale();
  draft.values[0].dims[1].symbol = 0;
  refuses(draft, "two symbolic axes");
  draft = oneScale();
  draft.values[0].dims[1].times = -8;
  refuses(draft, "out of range: axis");
  draft = oneScale();
  draft.instructions[1].op = static_cast<Op>(kNumOps);
  refuses(draft, "out of range: op");
  draft = oneScale();
  draft.instructions[1].constants.assign(17, 1.0);
  refuses(draft, "number of constants");
  draft = oneScale();
  draft.numSymbols = 17;
  refuses(draft, "number of symbols");
}

// Op 7 of one build is another op in the next: a stale addon would compute something else, without a word.
static void refusesWordsOfAnotherBuild() {
  std::vector<int32_t> words;
  std::vector<double> constants;
  oneScale().encode(&words, &constants);
  ++words[0];
  Error error;
  CHECK(!parses(words, constants, &error) && std::strstr(error.message(), "npm run build"), "%s", error.message());
}

// Whatever is cut off, put on, or put in the place of a word: a message or a program, and nothing is read outside.
static void takesAnyWords() {
  std::vector<int32_t> words;
  std::vector<double> constants;
  makeSmallModel().draft.encode(&words, &constants);
  Error error;
  for (size_t length = 0; length < words.size(); ++length) {
    CHECK(!parses({words.begin(), words.begin() + static_cast<int64_t>(length)}, constants, &error) && error,
          "accepted %d words", static_cast<int>(length));
  }
  std::vector<int32_t> longer = words;
  longer.push_back(0);
  CHECK(!parses(longer, constants, &error), "accepted a word too many");
  for (size_t at = 0; at < words.size(); ++at) {
    for (int32_t value : {INT32_MIN, -1, 0, 1, 7, 1 << 20, INT32_MAX}) {
      std::vector<int32_t> changed = words;
      changed[at] = value;
      if (!parses(changed, constants, &error)) CHECK(error, "no message for word %d", static_cast<int>(at));
    }
  }
}

// A megabyte of words takes milliseconds: nothing in the checker grows with the square of its counts or copies at will.
static void isLinear() {
  ProgramDraft draft = oneScale();
  for (int i = 0; i < 100000; ++i) draft.source(ValueKind::kSlot, 0, false, {Dim{1, 0}, Dim{8, -1}});
  for (int i = 0; i < 100000; ++i) draft.add(Op::scale, {0}, 0, {0.5});
  std::vector<int32_t> words;
  std::vector<double> constants;
  draft.encode(&words, &constants);
  const auto begin = std::chrono::steady_clock::now();
  Error error;
  CHECK(parses(words, constants, &error), "%s", error.message());
  const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
  CHECK(seconds < 2, "took %.1f s", seconds);
}

// A slot of a deep model holds hundreds of values: each layer adds its own.
static void takesSlotsOfDeepModels() {
  ProgramDraft draft = oneScale();
  for (int i = 0; i < 1000; ++i) draft.slots[0].push_back({i, 0});
  std::vector<int32_t> words;
  std::vector<double> constants;
  draft.encode(&words, &constants);
  Error error;
  CHECK(parses(words, constants, &error), "%s", error.message());
}

static void layoutStaysInside() {
  ProgramDraft draft = oneScale();
  std::vector<int32_t> words;
  std::vector<double> constants;
  draft.encode(&words, &constants);
  Program program;
  Error error;
  CHECK(parseProgram(words.data(), static_cast<int64_t>(words.size()), constants.data(),
                     static_cast<int64_t>(constants.size()), &program, &error),
        "%s", error.message());
  Buffer<int64_t> offsets;
  const int32_t three = 3, huge = INT32_MAX;
  CHECK(layoutSlots(program, &three, 1 << 20, &offsets, &error) == 128, "three rows of 32 bytes take two lines");
  CHECK(layoutSlots(program, &three, 95, &offsets, &error) == -1 && error.kind() == ErrorKind::kResource,
        "96 bytes do not fit into 95");
  CHECK(layoutSlots(program, &huge, 1 << 20, &offsets, &error) == -1 && error.kind() == ErrorKind::kResource,
        "64 GB do not fit into a megabyte");
  program.slots[0][0].times = 31;
  CHECK(layoutSlots(program, &three, 1 << 20, &offsets, &error) == -1 && error.kind() == ErrorKind::kInternal,
        "a value larger than its slot was accepted");
  // INT32_MAX cubed is beyond 64 bits.
  Value value{};
  value.rank = 3;
  for (Dim& dim : value.dims) dim = {INT32_MAX, -1};
  CHECK(numElements(value, &three) == -1, "an overflow went unseen");
}

int main() {
  readsWhatWasWritten();
  namesWhatIsWrong();
  refusesWordsOfAnotherBuild();
  takesAnyWords();
  isLinear();
  takesSlotsOfDeepModels();
  layoutStaysInside();
  return finishTests("program");
}
