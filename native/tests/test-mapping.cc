// Mapped files: whole, shared, and damaged while they are mapped.
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include <vector>

#include "mapping.h"
#include "small-program.h"
#include "temporary-file.h"

#if defined(__SANITIZE_THREAD__)
// A page that is replaced while threads read it is what the handler is for.
extern "C" const char* __tsan_default_suppressions() { return "race:onBusError\n"; }
#endif

using namespace dots;

static std::shared_ptr<Mapping> open(const std::string& path) {
  Error error;
  std::shared_ptr<Mapping> mapping = Mapping::open(path.c_str(), &error);
  CHECK(mapping != nullptr, "%s", error.message());
  return mapping;
}

static int sum(const Mapping& mapping) {
  int total = 0;
  for (int64_t i = 0; i < mapping.size(); i += 64) total += *const_cast<const volatile uint8_t*>(mapping.data() + i);
  return total;
}

static void refusesWhatCannotBeMapped() {
  const auto refusal = [](const std::string& path) {
    Error error;
    CHECK(!Mapping::open(path.c_str(), &error) && error.kind() == ErrorKind::kResource, "mapped %s", path.c_str());
    return std::string(error.message());
  };
  CHECK(refusal("/nowhere/at/all") == "cannot map /nowhere/at/all: No such file or directory", "%s",
        refusal("/nowhere/at/all").c_str());
  refusal("/");
  // Opening a pipe that nobody writes into would never return.
  const std::string pipe = TemporaryFile({}).path() + "-pipe";
  CHECK(mkfifo(pipe.c_str(), 0600) == 0, "cannot make %s", pipe.c_str());
  CHECK(refusal(pipe) == "cannot map " + pipe + ": it is not a file", "%s", refusal(pipe).c_str());
  unlink(pipe.c_str());
  const TemporaryFile empty({});
  CHECK(refusal(empty.path()) == "cannot map " + empty.path() + ": it is empty", "%s", refusal(empty.path()).c_str());
}

static void readsZerosBehindACut() {
  const int64_t page = sysconf(_SC_PAGESIZE);
  const std::vector<uint8_t> bytes(static_cast<size_t>(8 * page + 100), 1);
  TemporaryFile file(bytes), other(bytes);
  // Mapped one after the other, they lie side by side: damage must be laid at the right door.
  const std::shared_ptr<Mapping> first = open(other.path()), damaged = open(file.path()), second = open(other.path());
  CHECK(sum(*damaged) == (8 * page + 100 + 63) / 64 && !damaged->isDamaged(), "%s", "whole files are whole");
  file.truncate(2 * page);
  CHECK(sum(*damaged) == 2 * page / 64, "%d", sum(*damaged));
  CHECK(damaged->isDamaged(), "%s", "the damage went unseen");
  CHECK(sum(*first) == sum(*second) && !first->isDamaged() && !second->isDamaged(), "%s", "a neighbour is blamed");
  file.truncate(0);
  sum(*damaged);
  CHECK(!open(other.path())->isDamaged(), "%s", "a new mapping begins undamaged");
}

// No signal comes from a cut within the last page: what is gone reads as zeros. Nor from other bytes in its place.
static void noticesChangesWithoutASignal() {
  TemporaryFile file(std::vector<uint8_t>(1000, 1)), other(std::vector<uint8_t>(1000, 1));
  const std::shared_ptr<Mapping> cut = open(file.path()), rewritten = open(other.path());
  CHECK(!cut->isDamaged() && sum(*cut) == 16, "%s", "a whole file is whole");
  file.truncate(999);
  CHECK(cut->isDamaged(), "%s", "the cut went unseen");
  file.truncate(1000);
  CHECK(cut->isDamaged(), "%s", "what was read in between may have been zeros");
  CHECK(!rewritten->isDamaged(), "%s", "a neighbour is blamed");
  other.truncate(0);
  other.truncate(1000);
  CHECK(rewritten->isDamaged(), "%s", "a file of the same size may hold something else");
}

static void blamesTheRightNeighbour() {
  const int64_t page = sysconf(_SC_PAGESIZE);
  // Sizes that end inside a page, so that the next mapping begins right after it.
  std::vector<std::unique_ptr<TemporaryFile>> files;
  std::vector<std::shared_ptr<Mapping>> mappings;
  for (int i = 0; i < 8; ++i) {
    files.push_back(std::make_unique<TemporaryFile>(std::vector<uint8_t>(static_cast<size_t>(page + 1), 1)));
    mappings.push_back(open(files.back()->path()));
  }
  files[3]->truncate(0);
  for (int i = 7; i >= 0; --i) sum(*mappings[static_cast<size_t>(i)]);
  for (int i = 0; i < 8; ++i) CHECK(mappings[static_cast<size_t>(i)]->isDamaged() == (i == 3), "file %d", i);
}

static void manyFilesComeAndGo() {
  // As Node.js does when it starts: each mapped file stays open.
  rlimit limit;
  getrlimit(RLIMIT_NOFILE, &limit);
  limit.rlim_cur = limit.rlim_max;
  setrlimit(RLIMIT_NOFILE, &limit);
  const TemporaryFile file({1, 2, 3});
  for (int i = 0; i < 3000; ++i) open(file.path());
  std::vector<std::shared_ptr<Mapping>> kept;
  Error error;
  for (int i = 0; i < 2000; ++i) {
    std::shared_ptr<Mapping> mapping = Mapping::open(file.path().c_str(), &error);
    if (!mapping) break;
    kept.push_back(mapping);
  }
  CHECK(kept.size() >= 1000 && std::strstr(error.message(), "too many files are mapped"), "%d files, %s",
        static_cast<int>(kept.size()), error.message());
}

// Faults elsewhere are none of ours: the process ends as it would have.
static void leavesOtherFaultsAlone() {
  const TemporaryFile file({1, 2, 3});
  const std::shared_ptr<Mapping> mapping = open(file.path());
  const pid_t child = fork();
  if (child == 0) {
    close(STDERR_FILENO);  // sanitizers and emulators report what is meant to happen here
    raise(SIGBUS);
    _exit(7);
  }
  int status = 0;
  waitpid(child, &status, 0);
  CHECK(WIFSIGNALED(status) || WEXITSTATUS(status) != 7, "%s", "a foreign SIGBUS was swallowed");
}

// A model whose file is cut: the run ends with a message that names the file, this time and the next.
static void runsEndWithAMessage() {
  SmallModel model = makeSmallModel(5);
  std::vector<uint8_t> bytes;
  for (const WeightDraft& weight : model.weights)
    bytes.insert(bytes.end(), weight.parts[0].owned.begin(), weight.parts[0].owned.end());
  TemporaryFile file(bytes);
  const std::shared_ptr<Mapping> mapping = open(file.path());
  int64_t offset = 0;
  Error error;
  const std::unique_ptr<Executable> owned = createExecutable(model.draft, model.weights, model.states, 2, &error);
  const std::vector<float> expected = runExecutable(*owned, model.bindings, model.inputs, &error);
  for (WeightDraft& weight : model.weights) {
    weight.parts[0].mapping = mapping;
    weight.parts[0].offset = offset;
    offset += weight.parts[0].sizeBytes;
    weight.parts[0].owned.clear();
  }
  const std::unique_ptr<Executable> executable = createExecutable(model.draft, model.weights, model.states, 2, &error);
  CHECK(executable != nullptr, "%s", error.message());
  CHECK(runExecutable(*executable, model.bindings, model.inputs, &error) == expected && !expected.empty(), "%s",
        "mapped weights give other logits");
  file.truncate(static_cast<int64_t>(bytes.size()) - 1);
  for (int i = 0; i < 3; ++i) {
    if (i == 1) file.truncate(sysconf(_SC_PAGESIZE));
    CHECK(runExecutable(*executable, model.bindings, model.inputs, &error).empty(), "%s",
          "logits from a file that is gone");
    CHECK(error.kind() == ErrorKind::kFormat && error.message() == file.path(), "%s", error.message());
  }
}

int main() {
  refusesWhatCannotBeMapped();
  readsZerosBehindACut();
  noticesChangesWithoutASignal();
  blamesTheRightNeighbour();
  manyFilesComeAndGo();
  leavesOtherFaultsAlone();
  runsEndWithAMessage();
  return finishTests("mapping");
}
