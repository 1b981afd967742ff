#!/usr/bin/env bash
# A party as ranks under a real Slurm, on loopback: three parties, each a job of deploy/slurm/securenn.sbatch with two tasks, train network A. While
# they do, rank 1 of P1 is killed; Slurm ends its sibling with it, both start again, and the training goes on from the last checkpoint.
# Everything lies in a folder of its own and ends with the script. Run as root on Debian, after `npm ci`:
#
#   apt-get install --no-install-recommends slurm-wlm munge
#   scripts/slurm-ranks.sh [STEPS]
set -euo pipefail
HERE=$(cd "$(dirname "$0")/.." && pwd)
STEPS=${1:-300}
BASE=$(mktemp -d)
chmod 755 "$BASE"
D=$BASE/slurm
mkdir -p "$D/state" "$D/spool"
export SLURM_CONF=$D/slurm.conf
export SECURENN="node $HERE/bin/securenn.js"
# Of the ports that clients of this machine's network do not get.
FIRST_PORT=${FIRST_PORT:-17600}

down() {
  set +e
  scancel --full --signal=KILL --user=root 2> /dev/null
  scancel --user=root 2> /dev/null
  sleep 2
  for daemon in slurmd slurmctld munged; do [ -s "$D/$daemon.pid" ] && kill "$(cat "$D/$daemon.pid")"; done
  [ -n "${KEEP:-}" ] || rm -rf "$BASE"
}
trap down EXIT

# ── Slurm ──
dd if=/dev/urandom of="$D/munge.key" bs=1024 count=1 status=none
chmod 400 "$D/munge.key"
munged --force --key-file="$D/munge.key" --socket="$D/munge.socket" --pid-file="$D/munged.pid" \
  --log-file="$D/munged.log" --seed-file="$D/munged.seed"
cat > "$SLURM_CONF" << CONF
ClusterName=loopback
SlurmctldHost=localhost(127.0.0.1)
SlurmctldPort=$((FIRST_PORT + 90))
SlurmdPort=$((FIRST_PORT + 91))
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
AuthInfo=socket=$D/munge.socket
StateSaveLocation=$D/state
SlurmdSpoolDir=$D/spool
SlurmctldPidFile=$D/slurmctld.pid
SlurmdPidFile=$D/slurmd.pid
SlurmctldLogFile=$D/slurmctld.log
SlurmdLogFile=$D/slurmd.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
MpiDefault=none
MailProg=/bin/true
ReturnToService=2
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
SlurmdParameters=config_overrides
# More than there are: the tasks of three parties share this machine.
NodeName=localhost NodeAddr=127.0.0.1 CPUs=16 RealMemory=16000 State=UNKNOWN
PartitionName=all Nodes=localhost Default=YES MaxTime=INFINITE State=UP
CONF
slurmctld
slurmd -N localhost
until sinfo --noheader --states=idle | grep -q idle; do sleep 0.2; done
sinfo >&2

# ── three parties, an owner who is the analyst, too ──
snn() { # FOLDER WORDS…
  (cd "$BASE/$1" && shift && echo "\$ securenn $*" >&2 && $SECURENN "$@")
}
mkdir "$BASE/member"
for i in 0 1 2; do
  port=$((FIRST_PORT + 10 * i))
  mkdir -m 700 "$BASE/P$i"
  snn "P$i" party init --role "P$i" --address "127.0.0.1:$port" --dir .
done
snn member identity init --name institute
for i in 0 1 2; do cp "$BASE/P$i/P$i.card.json" "$BASE/member"; done
snn member federation join P0.card.json P1.card.json P2.card.json
for i in 0 1 2; do
  cp "$BASE/member/federation.json" "$BASE/P$i"
  cp "$BASE/member/institute.card.json" "$BASE/P$i"
  snn "P$i" party admit institute.card.json --dir . --yes
done
declare -A JOB
submit() { # ROLE'S NUMBER
  SECURENN_DIR=$BASE/P$1 SECURENN_RANK_PORT=$((FIRST_PORT + 10 * $1 + 3)) sbatch --parsable --export=ALL \
    --ntasks=2 --ntasks-per-node=2 --cpus-per-task=1 --mem=4G --output="$BASE/P$1.log" "$HERE/deploy/slurm/securenn.sbatch"
}
for i in 0 1 2; do JOB[P$i]=$(submit "$i"); done
for i in 0 1 2; do
  until grep -q 'rank 1 of 0 to 1' "$BASE/P$i.log" 2> /dev/null && grep -q 'serves from' "$BASE/P$i.log"; do sleep 0.2; done
done
squeue --steps >&2

# ── a training of A ──
export XDG_STATE_HOME=$BASE/member/state SECURENN_IDENTITY=identity.key SECURENN_FEDERATION=federation.json
snn member data put mnist --name scans --count 6400
snn member job propose --network A --steps "$STEPS" --ranks 2 --checkpoint-every 20 --data institute/scans --json job.json
ID=$(node -p 'JSON.parse(require("fs").readFileSync(process.argv[1], "utf8")).job' "$BASE/member/job.json")
# Its own data: nobody else has to approve.
snn member job watch "$ID" > "$BASE/watch.log" 2>&1 &
watching=$!
at_step() { # whether the training has come so far
  local step
  step=$(snn member job show "$ID" 2> /dev/null | sed -n 's/.*, step \([0-9]*\).*/\1/p' | sort -n | tail -1)
  [ "${step:-0}" -ge "$1" ]
}
until at_step 40; do sleep 0.5; done

echo '── rank 1 of P1 is killed ──' >&2
killed=
for pid in $(pgrep -f 'party serve --dir'); do
  environment=$({ tr '\0' ' ' < "/proc/$pid/environ"; } 2> /dev/null) || continue
  case " $environment " in
    *" SLURM_JOB_ID=${JOB[P1]} "*) case " $environment " in *' SLURM_PROCID=1 '*)
      case $({ tr '\0' ' ' < "/proc/$pid/cmdline"; } 2> /dev/null) in node* | */node*) kill -9 "$pid" && killed=$pid ;; esac ;;
    esac ;;
  esac
done
[ -n "$killed" ]
wait "$watching" || true
tail -15 "$BASE/watch.log" >&2
for i in 0 1 2; do echo "── the log of P$i ──"; grep -v '"level":"info"' "$BASE/P$i.log" | cut -c 1-220 | tail -20; done >&2
snn member model fetch "$ID" --out model.safetensors
for i in 0 1 2; do
  grep -h '^{.*job-started' "$BASE/P$i/audit.log" | tail -1 | cut -c 1-300 >&2
done
grep -q '"attempt":2,"from":[1-9]' "$BASE/P1/audit.log"

echo '── the parties are told to stop ──' >&2
scancel --batch --signal=TERM "${JOB[@]}"
until [ -z "$(squeue --noheader)" ]; do sleep 0.2; done
for i in 0 1 2; do tail -1 "$BASE/P$i.log" >&2; done
echo 'slurm: done' >&2
