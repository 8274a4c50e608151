#include "runtime/comm/mpi_job.h"

#include "absl/strings/str_cat.h"

namespace perdure {

absl::Status MpiStatus(int code, const std::string& what) {
  if (code == MPI_SUCCESS) return absl::OkStatus();
  char text[MPI_MAX_ERROR_STRING] = {};
  int length = 0;
  MPI_Error_string(code, text, &length);
  return absl::UnavailableError(
      absl::StrCat(what, ": MPI says ", absl::string_view(text, length),
                   "; a peer or its node may be gone: restart"));
}

MpiHandle::~MpiHandle() {
  if (!job_->finished && comm_ != MPI_COMM_WORLD) MPI_Comm_free(&comm_);
}

}  // namespace perdure
