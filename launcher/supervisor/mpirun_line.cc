#include "launcher/supervisor/mpirun_line.h"

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

namespace perdure {
namespace {

class Line {
 public:
  void Add(const std::string& word) { words_.push_back(word); }
  void Parameter(const char* name, const std::string& value) {
    words_.insert(words_.end(), {"--mca", name, value});
  }
  std::vector<std::string>& words() { return words_; }

 private:
  std::vector<std::string> words_ = {"mpirun"};
};

// More than one machine: how they reach each other, and how soon a silent link
// is noticed (494 s with Open MPI's own values).
void AddHosts(const MpirunOptions& options, Line* line) {
  if (options.hosts.empty()) return;
  std::vector<std::string> hosts;
  for (const HostSlots& host : options.hosts) {
    hosts.push_back(absl::StrCat(host.host, ":", host.slots));
  }
  line->Add("-H");
  line->Add(absl::StrJoin(hosts, ","));
  // A tree of daemons would hide the loss of a leaf.
  line->Parameter("routed", "direct");
  line->Parameter("oob_tcp_keepalive_time", "1");
  line->Parameter("oob_tcp_keepalive_intvl", "1");
  line->Parameter("oob_tcp_keepalive_probes", "2");
  if (!options.access.agent.empty()) {
    line->Parameter("plm", "rsh");
    line->Parameter("plm_rsh_agent", options.access.agent);
  } else if (options.access.slurm) {
    line->Parameter("plm", "slurm");
    // The allocation outlives the loss of a host.
    line->Parameter("plm_slurm_args", "--no-kill --overlap");
  } else {
    line->Parameter("plm_rsh_args",
                    "-o ServerAliveInterval=1 -o ServerAliveCountMax=2 -o "
                    "ConnectTimeout=3 -o BatchMode=yes");
  }
  if (!options.network.empty()) {
    line->Parameter("oob_tcp_if_include", options.network);
    line->Parameter("btl_tcp_if_include", options.network);
  }
}

}  // namespace

std::vector<std::string> MpirunLine(const MpirunOptions& options,
                                    const std::vector<std::string>& trainer) {
  Line line;
  if (options.as_root) line.Add("--allow-run-as-root");
  line.Add("--tag-output");
  line.Add("--bind-to");
  line.Add("none");
  if (options.hosts.empty() && options.ranks > options.cores) {
    line.Add("--oversubscribe");
  }
  // Daemons do not know of each other's ranks on the same cores.
  if (!options.hosts.empty() || options.ranks > options.cores) {
    line.Parameter("mpi_yield_when_idle", "1");
  }
  line.Parameter("pml", "ob1");
  line.Parameter("btl", "self,vader,tcp");
  // Without it every end of a job takes two seconds.
  line.Parameter("odls_base_sigkill_timeout", "0");
  line.Parameter("orte_base_help_aggregate", "0");
  AddHosts(options, &line);
  for (const std::string& name : options.exported) {
    line.Add("-x");
    line.Add(name);
  }
  line.Add("-n");
  line.Add(absl::StrCat(options.ranks));
  std::vector<std::string> words = std::move(line.words());
  words.insert(words.end(), trainer.begin(), trainer.end());
  return words;
}

}  // namespace perdure
