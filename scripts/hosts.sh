#!/usr/bin/env bash
# Four hosts on this machine, each in a network namespace with an address of its own and a file system that shows no other host's folder.
# Run as root on Linux. `source` it, then:
#
#   hosts_up BASE           p0 10.77.0.10 · p1 10.77.0.11 · p2 10.77.0.12 · office 10.77.0.13, joined by a bridge
#   on HOST COMMAND…        on that host; its folder is BASE/HOST outside and /srv/securenn inside
#   carry HOST FILE HOST…   hands a public file of one host to others, as a mail would
#   unplug HOST; plug HOST  takes a host off the network, and puts it back
#   hosts_down
set -euo pipefail

HOSTS=(p0 p1 p2 office)
declare -A HOST_PIDS=()

address_of() { # HOST
  case $1 in p0) echo 10.77.0.10 ;; p1) echo 10.77.0.11 ;; p2) echo 10.77.0.12 ;; office) echo 10.77.0.13 ;; esac
}

hosts_up() { # BASE
  BASE=$1
  ip netns add snn-switch
  ip netns exec snn-switch ip link add switch type bridge
  ip netns exec snn-switch ip link set switch up
  for host in "${HOSTS[@]}"; do
    mkdir -p "$BASE/$host" && chmod 700 "$BASE/$host"
    ip netns add "snn-$host"
    ip link add "to-$host" netns snn-switch type veth peer name eth0 netns "snn-$host"
    ip netns exec snn-switch ip link set "to-$host" master switch up
    ip netns exec "snn-$host" ip address add "$(address_of "$host")/24" dev eth0
    ip netns exec "snn-$host" ip link set lo up
    ip netns exec "snn-$host" ip link set eth0 up
    # A process that only waits keeps the host's own view of the file system.
    ip netns exec "snn-$host" unshare --mount bash -c '
      mkdir -p /srv/securenn && mount --bind "$1/$2" /srv/securenn && mount -t tmpfs none "$1" && echo ready && exec sleep infinity
    ' bash "$BASE" "$host" > "$BASE/.$host.ready" 2> /dev/null &
    HOST_PIDS[$host]=$!
    disown
    until [ -s "$BASE/.$host.ready" ]; do sleep 0.05; done
  done
}

on() { # HOST COMMAND…
  local host=$1
  shift
  nsenter --target "${HOST_PIDS[$host]}" --net --mount -- bash -c 'cd /srv/securenn && exec "$@"' bash "$@"
}

carry() { # HOST FILE HOST…: the file's path is relative to the host's folder
  local from=$1 file=$2
  shift 2
  for to in "$@"; do
    [ "$to" = "$from" ] || cp "$BASE/$from/$file" "$BASE/$to/"
  done
}

unplug() { ip netns exec snn-switch ip link set "to-$1" down; } # HOST
plug() { ip netns exec snn-switch ip link set "to-$1" up; } # HOST

hosts_down() {
  for host in "${HOSTS[@]}"; do
    ip netns pids "snn-$host" 2> /dev/null | xargs -r kill -9 2> /dev/null || true
    ip netns del "snn-$host" 2> /dev/null || true
  done
  ip netns del snn-switch 2> /dev/null || true
  rmdir /srv/securenn 2> /dev/null || true
}
