# A Slurm cluster on the nodes of lab.sh; sourced after it.
#
#   slurm_possible       its programs are here
#   slurm_up             after lab_up: a controller on node 0, slurmd on every node
#   inside I COMMAND...  on node I, as Slurm's own daemons run
#   slurm_down           before lab_down
#
# Without munge: the daemons trust each other.

slurm_possible() {
  command -v slurmctld slurmd sbatch srun scontrol nsenter >/dev/null
}

# Not by ip netns exec: that mounts another /sys, without the control groups that
# slurmd insists on.
inside() {
  local node
  node=$(lab_node "$1")
  shift
  nsenter "--net=/run/netns/$node" unshare --uts --mount -- sh -c \
    "hostname $node && mount --bind /etc/netns/$node/hosts /etc/hosts &&
     exec \"\$@\"" sh "$@"
}

slurm_config() {
  local i node names=
  cat <<END
ClusterName=lab
SlurmctldHost=$(lab_node 0)($lab_net.1)
SlurmUser=root
SlurmdUser=root
AuthType=auth/none
CredType=cred/none
MpiDefault=none
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU
SwitchType=switch/none
SlurmdTimeout=8
ReturnToService=2
KillWait=2
StateSaveLocation=$work/slurm/state
SlurmdSpoolDir=$work/slurm/spool-%n
SlurmctldPidFile=$work/slurm/slurmctld.pid
SlurmdPidFile=$work/slurm/%n.pid
SlurmctldLogFile=$work/slurm/slurmctld.log
SlurmdLogFile=$work/slurm/%n.log
END
  for ((i = 0; i < lab_nodes; ++i)); do
    node=$(lab_node "$i")
    names+=$node,
    echo "NodeName=$node NodeAddr=$lab_net.$((i + 1)) NodeHostname=$node CPUs=2"
  done
  echo "PartitionName=all Nodes=${names%,} Default=YES State=UP"
}

nodes_idle() {
  [[ $(inside 0 sinfo -h -t idle -o %D 2>/dev/null) == "$lab_nodes" ]]
}

slurm_up() {
  local i
  mkdir -p "$work/slurm/state"
  export SLURM_CONF=$work/slurm/slurm.conf
  slurm_config >"$SLURM_CONF"
  echo "CgroupPlugin=cgroup/v1" >"$work/slurm/cgroup.conf"
  inside 0 slurmctld -D >/dev/null 2>&1 </dev/null &
  for ((i = 0; i < lab_nodes; ++i)); do
    inside "$i" setsid slurmd -D -N "$(lab_node "$i")" >/dev/null 2>&1 \
      </dev/null &
  done
  wait_for 30 nodes_idle || fail "Slurm's nodes do not come up"
}

slurm_down() {
  inside 0 scancel -u root >/dev/null 2>&1 || true
}
