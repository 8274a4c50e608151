#ifndef PERDURE_TESTS_FUZZ_TARGETS_H_
#define PERDURE_TESTS_FUZZ_TARGETS_H_

// Readers of foreign bytes as functions of bytes: for libFuzzer, and for
// bounded runs in the tests. Any input is read or refused; none ends the
// process, unless what comes of it makes no sense.

#include "absl/strings/string_view.h"

namespace perdure {

// A log of the journal.
void FuzzJournal(absl::string_view bytes);
// A manifest, and the message in one: a trailer is put behind the bytes, which
// no change to them could come by.
void FuzzManifest(absl::string_view bytes);
// The file that safetensors begins.
void FuzzSafetensorsHeader(absl::string_view bytes);
// The description in a file of PyTorch.
void FuzzPickle(absl::string_view bytes);
// Names and shapes of tensors, a line each ("F32 2,3 /a/b"), as datasets of an
// HDF5 file: the one way in which foreign bytes get to that library.
void FuzzHdf5(absl::string_view bytes);
// What ranks and strangers may send to a supervisor: as a datagram, sealed, and
// as a request. Dies where a message that is not sealed changes more than
// counters, where a sealed one makes a table that the detectors cannot read, or
// where a wrong token gives or does anything.
void FuzzControl(absl::string_view bytes);

}  // namespace perdure

#endif  // PERDURE_TESTS_FUZZ_TARGETS_H_
