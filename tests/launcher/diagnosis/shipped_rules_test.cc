// The rules that come with the program, against the taxonomies they are for.

#include <gtest/gtest.h>

#include "launcher/diagnosis/diagnosis.h"

namespace perdure {
namespace {

struct Line {
  const char* text;
  const char* rule;
};

// The interruptions of Llama 3's pre-training (Grattafiori et al. 2024, table
// 5), each by the line that such a failure leaves.
constexpr Line kLlama3[] = {
    {"NVRM: Xid (PCI:0000:19:00): 79, pid='<unknown>', name=<unknown>, GPU has "
     "fallen off the bus.",
     "gpu_fell_off_bus"},
    {"NVRM: Xid (PCI:0000:19:00): 48, pid=91, An uncorrectable double bit "
     "error (DBE) has been detected on GPU in the framebuffer at partition 6",
     "gpu_memory_error"},
    {"terminate called after throwing an instance of 'std::out_of_range'",
     "check_failed"},
    {"mlx5_core 0000:86:00.0 ens1: NIC Link is Down", "infiniband"},
    {"slurmstepd: error: *** JOB 88 ON n1 CANCELLED AT 2026-01-02T03:04:05 DUE "
     "TO NODE FAILURE, SEE SLURMCTLD LOG FOR DETAILS ***",
     "node_failed"},
    {"NVRM: Xid (PCI:0000:cb:00): 95, pid=1, Uncontained: LTC TAG",
     "gpu_memory_error"},
    {"NVRM: Xid (PCI:0000:cb:00): 119, pid=7, Timeout waiting for RPC from "
     "GSP0!",
     "gpu_firmware_timeout"},
    {"node2:9:12 [1] NCCL WARN NET/IB : Got async event : port error",
     "infiniband"},
    {"[Rank 71] Watchdog caught collective operation timeout: "
     "WorkNCCL(SeqNum=41, OpType=_ALLGATHER_BASE, Timeout(ms)=600000) ran for "
     "600412 milliseconds before timing out.",
     "collective_timeout"},
    {"mce: [Hardware Error]: CPU 3: Machine Check Exception: 5 Bank 6",
     "machine_check"},
    {"OSError: [Errno 5] Input/output error", "input_output_error"},
};

// Acme's (Hu et al., NSDI 2024, table 3): infrastructure, framework, script.
constexpr Line kAcme[] = {
    {"nvidia-nvswitch3: SXid (PCI:0000:c3:00.0): 24007, Fatal, Link 12",
     "nvlink_error"},
    {"RuntimeError: CUDA error: unknown error", "cuda_driver"},
    {"RuntimeError: CUDA error: uncorrectable ECC error encountered",
     "gpu_memory_error"},
    {"srun: error: Node failure on SH-IDC1-10-140-24-31", "node_failed"},
    {"node5:1:2 [3] NCCL WARN NET/IB : Got completion from peer with error 12",
     "infiniband"},
    {"torch.distributed.DistBackendError: NCCL error in: "
     "ProcessGroupNCCL.cpp:1331, remote process exited or there was a network "
     "error, NCCL version 2.14.3",
     "nccl_internal"},
    {"ConnectionRefusedError: [Errno 111] Connection refused", "lost_peer"},
    {"requests.exceptions.ConnectionError: HTTPSConnectionPool: Failed to "
     "resolve 'hub': Temporary failure in name resolution",
     "host_unknown"},
    {"LustreError: 11-0: scratch-MDT0000: operation ldlm_enqueue failed",
     "stale_file_handle"},
    {"RuntimeError: DataLoader worker (pid 4) is killed by signal: Killed. "
     "insufficient shared memory (shm)",
     "shared_memory_full"},
    {"torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 20.00 MiB",
     "cuda_out_of_memory"},
    {"ZeroDivisionError: division by zero", "python_error"},
    {"AssertionError: sequence length must be 2048", "python_error"},
    {"AttributeError: 'NoneType' object has no attribute 'shape'",
     "python_error"},
    {"FileNotFoundError: [Errno 2] No such file or directory: 'tok.model'",
     "missing_file"},
    {"ImportError: cannot import name 'flash_attn_func'", "python_import"},
    {"OSError: [Errno 24] Too many open files: 'x'", "too_many_files"},
    {"PermissionError: [Errno 13] Permission denied: '/ckpt'", "permission"},
    {"TypeError: can only concatenate str (not \"int\") to str",
     "python_error"},
    {"MemoryError", "allocation_failed"},
    {"slurmstepd: error: Detected 3 oom-kill event(s) in StepId=9.0 cgroup.",
     "host_out_of_memory"},
};

class ShippedRulesTest : public ::testing::TestWithParam<Line> {};

TEST_P(ShippedRulesTest, LineIsExplained) {
  const auto book = RuleBook::Load("");
  ASSERT_TRUE(book.ok()) << book.status();
  Diagnoser diagnoser(&*book);
  diagnoser.Take("log", "epoch 3, loss 2.31, 4.1k tokens/s");
  diagnoser.Take("log", GetParam().text);
  EXPECT_EQ(diagnoser.Conclude({}).rule.name(), GetParam().rule)
      << GetParam().text;
}

INSTANTIATE_TEST_SUITE_P(Llama3, ShippedRulesTest,
                         ::testing::ValuesIn(kLlama3));
INSTANTIATE_TEST_SUITE_P(Acme, ShippedRulesTest, ::testing::ValuesIn(kAcme));

// What a healthy run prints is no failure.
TEST(ShippedRulesQuietTest, LinesOfHealthyRunsMatchNothing) {
  const auto book = RuleBook::Load("");
  ASSERT_TRUE(book.ok()) << book.status();
  for (const char* line : {
           "step 20/20  loss 2.3026  lr 3.0e-04  grad 1.02  9.1k tokens/s",
           "validation: loss 2.2913 over 4096 tokens",
           "snapshot of step 20 written behind training: 12.1 MiB in 0.04 s",
           "perdure: resumed at step 15 of generation 2",
           "NCCL INFO Channel 00/0 : 0[7000] -> 1[a000] via P2P/CUMEM",
           "NCCL INFO NET/IB : Using [0]mlx5_0:1/IB [RO]; OOB eth0:10.0.0.2<0>",
           "mlx5_core 0000:86:00.0 ens1: Link up",
           "infinite data loader started, inference of shapes done",
       }) {
    EXPECT_TRUE(book->Matching(line).empty())
        << line << " is explained by "
        << book->rules()[static_cast<size_t>(book->Matching(line)[0])].name();
  }
}

}  // namespace
}  // namespace perdure
