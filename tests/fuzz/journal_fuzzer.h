#ifndef PERDURE_TESTS_FUZZ_JOURNAL_FUZZER_H_
#define PERDURE_TESTS_FUZZ_JOURNAL_FUZZER_H_

#include "absl/strings/string_view.h"

namespace perdure {

// Reads `bytes` as a log and dies where what comes of it makes no sense.
void FuzzJournal(absl::string_view bytes);

}  // namespace perdure

#endif  // PERDURE_TESTS_FUZZ_JOURNAL_FUZZER_H_
