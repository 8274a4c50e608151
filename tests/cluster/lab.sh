# A cluster on one machine: every node is a network namespace with a host name of
# its own, on one bridge. Sourced, by root, after the functions of
# ../launcher/cli/common.sh. Nothing outside of the namespaces is touched, and two
# labs can stand side by side.
#
#   lab_up N          nodes $lab_0 .. $lab_N-1 at 10.77.L.1 ..
#                     (the agent takes both)
#   on I COMMAND...   runs it on node I
#   cut_off I / heal I  its link goes down silently, and comes back
#   part I J / rejoin I J  no data gets through between two nodes, silently
#   freeze I / thaw I stops all its processes, and goes on
#   crash I           ends all its processes
#   lab_down          ends every process of the nodes and removes them; may be
#                     called again
#
# If lab_private names a directory before lab_up, every node has a disk of its own
# there: $work/disk-I.

lab_private=
lab=pd$$
lab_net=10.77.$(($$ % 250))
lab_nodes=0

lab_node() { echo "${lab}n$1"; }

lab_possible() {
  [[ $EUID -eq 0 ]] && command -v ip >/dev/null &&
    ip netns add "${lab}x" 2>/dev/null && ip netns del "${lab}x"
}

lab_up() {
  local i hosts="127.0.0.1 localhost"$'\n'
  lab_nodes=$1
  ip netns add "${lab}sw"
  ip netns exec "${lab}sw" ip link set lo up
  ip netns exec "${lab}sw" ip link add br0 type bridge
  ip netns exec "${lab}sw" ip link set br0 up
  for ((i = 0; i < lab_nodes; ++i)); do
    hosts+="$lab_net.$((i + 1)) $(lab_node "$i")"$'\n'
  done
  for ((i = 0; i < lab_nodes; ++i)); do
    local node
    node=$(lab_node "$i")
    ip netns add "$node"
    ip link add eth0 netns "$node" type veth peer name "p$i" netns "${lab}sw"
    ip netns exec "$node" ip link set lo up
    ip netns exec "$node" ip addr add "$lab_net.$((i + 1))/24" dev eth0
    ip netns exec "$node" ip link set eth0 up
    ip netns exec "${lab}sw" ip link set "p$i" master br0
    ip netns exec "${lab}sw" ip link set "p$i" up
    # ip netns exec lays these over /etc.
    mkdir -p "/etc/netns/$node"
    mkdir -p "$work/disk-$i"
    ln -sfn "$work/disk-$i" "$work/$node"
    printf '%s' "$hosts" >"/etc/netns/$node/hosts"
    : >"/etc/netns/$node/resolv.conf"
  done
  # What mpirun calls instead of ssh: AGENT HOST COMMAND...
  lab_agent=$work/agent
  cat >"$lab_agent" <<AGENT
#!/bin/sh
host=\$(sed -n "s/^\$1 //p" /etc/netns/$(lab_node 0)/hosts)
host=\${host:-\$1}
shift
exec ip netns exec "\$host" unshare --uts --mount -- \
  sh -c "hostname \$host && $(lab_mount "\$host"); \$*"
AGENT
  chmod +x "$lab_agent"
}

# lab_mount NODE: the command that gives a node its disk, in a mount namespace.
lab_mount() {
  if [[ -n $lab_private ]]; then
    echo "mount --bind $work/$1 $lab_private"
  else
    echo true
  fi
}

on() {
  local node
  node=$(lab_node "$1")
  shift
  ip netns exec "$node" unshare --uts --mount -- \
    sh -c "hostname \"\$0\" && $(lab_mount "$node") && exec \"\$@\"" \
    "$node" "$@"
}

cut_off() { ip netns exec "${lab}sw" ip link set "p$1" down; }
heal() { ip netns exec "${lab}sw" ip link set "p$1" up; }

# To an address of the link layer that nobody has.
part() {
  local silent="lladdr 02:00:00:00:00:01 dev eth0 nud permanent"
  # shellcheck disable=SC2086
  ip -n "$(lab_node "$1")" neigh replace "$lab_net.$(($2 + 1))" $silent &&
    ip -n "$(lab_node "$2")" neigh replace "$lab_net.$(($1 + 1))" $silent
}
rejoin() {
  ip -n "$(lab_node "$1")" neigh del "$lab_net.$(($2 + 1))" dev eth0
  ip -n "$(lab_node "$2")" neigh del "$lab_net.$(($1 + 1))" dev eth0
}

lab_signal() {
  local pid
  for pid in $(ip netns pids "$(lab_node "$2")" 2>/dev/null || true); do
    kill "-$1" "$pid" 2>/dev/null || true
  done
}
freeze() { lab_signal STOP "$1"; }
thaw() { lab_signal CONT "$1"; }
# All at once: none of them lives to tell of the others.
crash() {
  lab_signal STOP "$1"
  lab_signal KILL "$1"
}

lab_down() {
  local i node
  for ((i = 0; i < lab_nodes; ++i)); do
    node=$(lab_node "$i")
    crash "$i"
    ip netns del "$node" 2>/dev/null || true
    rm -rf "/etc/netns/$node"
  done
  ip netns del "${lab}sw" 2>/dev/null || true
  lab_nodes=0
}
