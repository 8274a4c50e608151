#ifndef PERDURE_RUNTIME_DATA_DOCUMENTS_H_
#define PERDURE_RUNTIME_DATA_DOCUMENTS_H_

// Where documents start inside a window.

#include <cstdint>
#include <vector>

#include "runtime/data/split.h"

namespace perdure {

// ids: the window's tokens, which lie at `offset` of the file. Returns the
// indices into `ids`, ascending, at which a document starts: from the file's
// index, else at every end-of-document token (llm.c writes it before each
// document). The start of the file counts only where one of these says so.
std::vector<int64_t> DocumentStarts(const SplitFile& file, int64_t offset,
                                    const std::vector<int32_t>& ids);

}  // namespace perdure

#endif  // PERDURE_RUNTIME_DATA_DOCUMENTS_H_
