#!/usr/bin/env bash
# Four hosts in network namespaces (hosts.sh): a federation from nothing to a trained model and a classified image, as docs/deploy.md types it,
# with a host that is off the network for half a minute, and a party that is killed, while the training runs. Nothing is shared but public
# files: each host sees its own folder alone. Run as root on Linux, after `npm ci`:
#
#   scripts/four-hosts.sh [STEPS]
set -euo pipefail
HERE=$(cd "$(dirname "$0")" && pwd)
source "$HERE/hosts.sh"
STEPS=${1:-900}
BASE_DIR=$(mktemp -d)
trap 'hosts_down; rm -rf "$BASE_DIR"' EXIT
PARTIES=(p0 p1 p2)
export SECURENN_FEDERATION=federation.json XDG_STATE_HOME=/srv/securenn/state-of-clients

snn() { # HOST WORDS…
  local host=$1
  shift
  echo "$host \$ securenn $*" >&2
  on "$host" node "$HERE/../bin/securenn.js" "$@"
}
serve() { # HOST: as a supervisor does, again whenever it ends
  on "$1" bash -c "until node '$HERE/../bin/securenn.js' party serve --dir . >> serve.log 2>&1; do sleep 1; done" &
}
kill_service() { # HOST
  for pid in $(ip netns pids "snn-$1"); do
    case $(tr '\0' ' ' < "/proc/$pid/cmdline") in node*'party serve'*) kill -9 "$pid" ;; esac
  done
}
ready() { on "$1" bash -c 'until (exec 3<>/dev/tcp/127.0.0.1/7602) 2>/dev/null; do sleep 0.1; done'; } # HOST

hosts_up "$BASE_DIR"
for i in 0 1 2; do snn "p$i" party init --role "P$i" --address "$(address_of "p$i"):7600" --dir . --name "p$i"; done
for i in 0 1 2; do carry "p$i" "P$i.card.json" p0 p1 p2; done
for host in "${PARTIES[@]}"; do snn "$host" federation join P0.card.json P1.card.json P2.card.json; done
carry p0 federation.json office
for who in hospital-a hospital-b institute; do
  snn office identity init --name "$who" --identity "$who.key"
  carry office "$who.card.json" "${PARTIES[@]}"
  for host in "${PARTIES[@]}"; do snn "$host" party admit "$who.card.json" --dir . --yes; done
done
for host in "${PARTIES[@]}"; do serve "$host"; done
for host in "${PARTIES[@]}"; do ready "$host"; done
for host in "${PARTIES[@]}"; do snn "$host" party check --dir .; done

snn office data put mnist --name scans --count 30000 --identity hospital-a.key
snn office data put mnist --name scans --skip 30000 --identity hospital-b.key
snn office data put mnist --name test --half test --identity hospital-b.key
snn office job propose --network A --steps "$STEPS" --checkpoint-every 50 --keep-model --title 'four hosts' \
  --data hospital-a/scans,hospital-b/scans --test hospital-b/test --identity institute.key --json job.json
JOB=$(on office node -p 'JSON.parse(require("fs").readFileSync("job.json", "utf8")).job')
for who in hospital-a hospital-b; do snn office job approve "$JOB" --yes --identity "$who.key"; done
snn office job watch "$JOB" --identity institute.key &
watching=$!
sleep 8
echo '── P1 is off the network for 30 s ──' >&2
unplug p1
sleep 30
plug p1
sleep 5
echo '── P2 is killed, and its supervisor starts it again ──' >&2
kill_service p2
wait "$watching"
snn office model fetch "$JOB" --out model.safetensors --identity institute.key
snn office model serve "$JOB" --clients institute --identity institute.key --json session.json
SESSION=$(on office node -p 'JSON.parse(require("fs").readFileSync("session.json", "utf8")).job')
for who in hospital-a hospital-b; do snn office job approve "$SESSION" --yes --identity "$who.key"; done
snn office infer --model "$SESSION" mnist --count 64 --identity institute.key
for host in "${PARTIES[@]}"; do snn "$host" audit verify --dir .; done
echo 'four hosts: done' >&2
