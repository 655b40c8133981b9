#!/usr/bin/env bash
# A Slurm of its own on this machine's loopback, for tests: a controller and two node daemons, without systemd and without root's
# help beyond its own user. Needs Debian's slurm-wlm and munge.
#   cluster.sh start FOLDER      makes FOLDER, starts everything, prints the SLURM_CONF to use
#   cluster.sh node FOLDER NAME  starts the daemon of a node again
#   cluster.sh lose FOLDER NAME  kills the daemon of a node and what it runs, as a power cut would
#   cluster.sh stop FOLDER       ends what it started
set -euo pipefail
folder=${2:?FOLDER}
export PATH="$PATH:/usr/sbin:/sbin"

# free_port: a port of the loopback that nobody listens on.
free_port() {
    local port
    while :; do
        port=$((20000 + RANDOM))
        (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null || { echo "$port"; return; }
    done
}

start_node() {
    slurmd -N "$1" -f "$folder/slurm.conf" -L "$folder/$1.log" >/dev/null 2>&1
}

case ${1:?start, node, lose or stop} in
    start)
        mkdir -p "$folder"/{state,spool/n1,spool/n2,munge}
        user=$(id -un)
        (umask 077 && dd if=/dev/urandom of="$folder/munge/key" bs=1024 count=1 2>/dev/null)
        chmod 0755 "$folder/munge"
        munged --force --socket="$folder/munge/socket" --key-file="$folder/munge/key" --num-threads=2 \
            --log-file="$folder/munge/log" --pid-file="$folder/munge/pid" --seed-file="$folder/munge/seed"
        cat >"$folder/slurm.conf" <<CONF
ClusterName=test
SlurmctldHost=$(hostname -s)(127.0.0.1)
SlurmctldPort=$(free_port)
SlurmUser=$user
SlurmdUser=$user
CommunicationParameters=NoCtldInAddrAny,NoInAddrAny
AuthType=auth/munge
AuthInfo=socket=$folder/munge/socket,cred_expire=5
CredType=cred/munge
StateSaveLocation=$folder/state
SlurmdSpoolDir=$folder/spool/%n
SlurmctldPidFile=$folder/slurmctld.pid
SlurmdPidFile=$folder/%n.pid
SlurmctldLogFile=$folder/slurmctld.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU
GresTypes=gpu
SchedulerParameters=sched_interval=1,sched_min_interval=100000,batch_sched_delay=0,bf_interval=1,defer_batch
AccountingStorageType=accounting_storage/none
JobCompType=jobcomp/filetxt
JobCompLoc=$folder/completed
JobAcctGatherType=jobacct_gather/none
SlurmdTimeout=5
SlurmctldTimeout=10
InactiveLimit=0
KillWait=5
MinJobAge=60
ReturnToService=2
MpiDefault=none
SwitchType=switch/none
PreemptType=preempt/partition_prio
PreemptMode=REQUEUE
NodeName=n1 NodeHostname=$(hostname -s) NodeAddr=127.0.0.1 Port=$(free_port) CPUs=2 RealMemory=16000 Gres=gpu:1
NodeName=n2 NodeHostname=$(hostname -s) NodeAddr=127.0.0.1 Port=$(free_port) CPUs=2 RealMemory=16000 Gres=gpu:1
PartitionName=normal Nodes=n1,n2 Default=YES MaxTime=INFINITE State=UP PriorityTier=1 GraceTime=20 OverSubscribe=NO
PartitionName=urgent Nodes=n1,n2 MaxTime=INFINITE State=UP PriorityTier=10 PreemptMode=OFF
CONF
        echo "NodeName=n[1-2] Name=gpu File=/dev/null" >"$folder/gres.conf" # counted, not used
        export SLURM_CONF=$folder/slurm.conf
        slurmctld -c -f "$SLURM_CONF"
        start_node n1
        start_node n2
        for _ in $(seq 100); do
            [[ $(sinfo -h -N -p normal -t idle -o %n 2>/dev/null | wc -l) -eq 2 ]] && { echo "$SLURM_CONF"; exit 0; }
            sleep 0.2
        done
        echo "the cluster does not come up:" >&2
        tail -n 20 "$folder"/*.log >&2
        exit 1
        ;;
    node)
        start_node "${3:?NAME}"
        ;;
    lose)
        # The daemon, then what it started: the processes of this cluster's jobs on this node, with the daemons of their steps.
        kill -KILL "$(cat "$folder/${3:?NAME}.pid")"
        for step in $(pgrep -f '^slurmstepd: \[' || true); do
            for child in $(pgrep -P "$step" || true); do
                if tr '\0' '\n' <"/proc/$child/environ" | grep -qx "SLURM_CONF=$folder/slurm.conf" &&
                    tr '\0' '\n' <"/proc/$child/environ" | grep -qx "SLURMD_NODENAME=$3"; then
                    kill -KILL "$step" "$child"
                fi
            done
        done
        ;;
    stop)
        for pid in "$folder"/n1.pid "$folder"/n2.pid "$folder"/slurmctld.pid "$folder"/munge/pid; do
            [[ -f $pid ]] && kill "$(cat "$pid")" 2>/dev/null || true
        done
        ;;
esac
