#include "checkpoint/snapshot/prepared_save.h"

#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "checkpoint/snapshot/results.h"
#include "checkpoint/snapshot/write_protocol.pb.h"

namespace perdure {
namespace {

void Encode(const SparseImage& image, SaveDecisions::Image* message) {
  message->set_bytes(image.bytes());
  image.ForEachPage([&](uint64_t offset, const char* data, size_t size) {
    SaveDecisions::Page* page = message->add_pages();
    page->set_offset(offset);
    page->set_data(data, size);
  });
}

SparseImage Decode(const SaveDecisions::Image& message) {
  SparseImage image;
  for (const SaveDecisions::Page& page : message.pages()) {
    image.Write(page.offset(), page.data().data(), page.data().size());
  }
  image.set_bytes(message.bytes());
  return image;
}

// What rank 0 makes and others are told.
absl::StatusOr<SaveDecisions> Decide(const PrepareOptions& options,
                                     SnapshotPlan* plan, PreparedSave* save) {
  ASSIGN_OR_RETURN(SnapshotStructure made,
                   MakeStructure(plan, /*views=*/!options.own_directories));
  SaveDecisions decisions;
  const std::vector<uint64_t> offsets = DecidedOffsets(*plan);
  decisions.mutable_offsets()->Assign(offsets.begin(), offsets.end());
  if (options.own_directories) {
    for (const Hdf5Skeleton& node : made.nodes) {
      Encode(node.image, decisions.add_nodes());
    }
  }
  save->structure = std::make_shared<SnapshotStructure>(std::move(made));
  return decisions;
}

absl::Status Obey(const SaveDecisions& decisions, SnapshotPlan* plan,
                  PreparedSave* save) {
  if (!SetDecidedOffsets(
          {decisions.offsets().begin(), decisions.offsets().end()}, plan)) {
    return absl::InternalError("rank 0 has another plan of the snapshot");
  }
  if (save->structure != nullptr || decisions.nodes().empty()) {
    return absl::OkStatus();
  }
  SnapshotStructure structure;
  for (const SaveDecisions::Image& node : decisions.nodes()) {
    structure.nodes.emplace_back().image = Decode(node);
  }
  save->structure = std::make_shared<SnapshotStructure>(std::move(structure));
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<std::shared_ptr<const PreparedSave>> PrepareSave(
    Communicator& comm, const StateMap& map, const PrepareOptions& options) {
  auto save = std::make_shared<PreparedSave>();
  auto plan = std::make_shared<SnapshotPlan>();
  save->hash = HashMap(map);
  const auto decide = [&]() -> absl::StatusOr<std::string> {
    ASSIGN_OR_RETURN(*plan, MakePlan(map, options.model, options.node_of_rank));
    SaveDecisions decisions;
    if (comm.rank() == 0) {
      ASSIGN_OR_RETURN(decisions, Decide(options, plan.get(), save.get()));
    }
    decisions.set_hash(save->hash);
    return decisions.SerializeAsString();
  };
  ASSIGN_OR_RETURN(const std::vector<std::string> texts,
                   ShareResults(comm, decide()));
  SaveDecisions decisions;
  for (size_t rank = texts.size(); rank-- > 0;) {
    if (decisions.ParseFromString(texts[rank]) &&
        decisions.hash() == save->hash) {
      continue;
    }
    return absl::InternalError(absl::StrCat(
        "rank ", rank, " has another plan of the snapshot than rank ",
        comm.rank()));
  }
  RETURN_IF_ERROR(Obey(decisions, plan.get(), save.get()));
  save->list = std::make_shared<WriteList>(
      MakeWriteList(*plan, static_cast<size_t>(comm.rank()), options.packed));
  for (const StateTensor& tensor : plan->map.tensors) {
    save->bytes += tensor.bytes();
  }
  save->plan = std::move(plan);
  return save;
}

}  // namespace perdure
