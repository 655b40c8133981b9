#!/usr/bin/env bash
# Measures everything about SharpSeg on this machine's GPU, unattended. Needs NVIDIA's driver and nothing else; where python3 can
# import PyTorch with CUDA, its times stand beside. Nothing is written outside the folder of results.
#
#   ./run.sh [--device cuda:0] [--minutes 5] [RESULTS]     default: results-HOST-DATE in the current folder
#
# Every step has a time limit and all of them an end; a step that fails or is stopped does not keep the next from running. What a
# step measured before that is kept. Exit code: 0 if all steps passed, 1 if one did not, 2 for wrong words, 3 without a GPU.
set -u
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
bench="$here/bin/SharpSeg.Perf" sharpseg="$here/bin/sharpseg"
device=cuda:0 minutes=5 results=

fail() { echo "error: $1" >&2; echo "hint: $2" >&2; exit "$3"; }

while (($# > 0)); do
    case "$1" in
        --device | --minutes)
            (($# > 1)) || fail "$1 needs a value" "./run.sh --device cuda:0 --minutes 5" 2
            [[ $1 == --device ]] && device=$2 || minutes=$2
            shift 2 ;;
        -h | --help) sed -n '2,9s/^# \{0,1\}//p' "${BASH_SOURCE[0]}"; exit 0 ;;
        -*) fail "unknown option $1" "./run.sh --help" 2 ;;
        *) [[ -z $results ]] || fail "two folders for results, $results and $1" "name one" 2; results=$1; shift ;;
    esac
done
[[ $minutes =~ ^[1-9][0-9]{0,3}$ ]] || fail "--minutes $minutes: not a number of minutes" "write it like --minutes 5" 2
[[ $device =~ ^[a-z-]+(:[0-9]+)?$ ]] || fail "--device $device: not a device" "write it like --device cuda:0" 2
command -v timeout >/dev/null || fail "\`timeout\` is missing, which stops steps that hang" "install coreutils" 2

started=$SECONDS deadline=$((SECONDS + 60 * minutes))
found=$(timeout -k 5 60 "$sharpseg" devices 2>&1)
if ! grep -q "^$device " <<<"$found"; then
    fail "no $device on this machine: $(grep -v '^cpu ' <<<"$found" | tail -n 1 | sed 's/^no GPU *//')" \
        "it needs NVIDIA's driver, whose nvidia-smi shows the cards; --device names another one" 3
fi

results=${results:-results-$(uname -n)-$(date -u +%Y%m%d-%H%M%S)}
mkdir -p "$results" || fail "cannot make the folder $results" "name one that can be written" 2
results=$(cd "$results" && pwd)
[[ -z $(ls -A "$results") ]] || fail "$results is not empty" "name a new folder" 2
export XDG_DATA_HOME="$results/cache" # choices of kernel variants: made here, by this run, kept by nobody else
: >"$results/steps.tsv"
failed=0

# step NAME SECONDS COMMAND…: runs it for at most so long (of five minutes; of more, in proportion), its output to NAME.log.
step() {
    local name=$1 limit=$(($2 * minutes / 5)) left=$((deadline - SECONDS)) begin=$SECONDS code verdict
    shift 2
    ((limit = limit < left ? limit : left))
    if ((limit < 3)); then
        verdict="left out: no time left"
    else
        timeout -k 5 "$limit" "$@" >"$results/$name.log" 2>&1 </dev/null
        code=$?
        case $code in
            0) verdict=passed ;;
            124 | 137) verdict="stopped after $limit s" ;;
            *) verdict="failed with $code" ;;
        esac
    fi
    [[ $verdict == passed ]] || failed=$((failed + 1))
    printf '%s\t%s\t%s\n' "$name" "$verdict" "$((SECONDS - begin))" >>"$results/steps.tsv"
    printf '%-22s %-26s %4d s\n' "$name" "$verdict" "$((SECONDS - begin))"
    if [[ $verdict == failed* ]]; then
        grep -v '^ *at ' "$results/$name.log" | grep -i -m 1 'error\|failed\|exception' | sed 's/^/    /'
    fi
}

{
    echo "$found"
    uname -a
    cat "$here/VERSION"
    command -v nvidia-smi >/dev/null && timeout 10 nvidia-smi -q
} >"$results/machine.txt" 2>&1
echo "results: $results; at most $minutes minutes"

# First what nobody knows yet: registers and spills, a step's time, shares of the peak.
networks=(--only "step 128³" --only "predict 128³" --only "step hippocampus 2" --only "predict hippocampus 2")
step registers 40 "$bench" registers --device "$device" --json "$results/registers.json"
for precision in bf16 tf32 fp16 fp32; do
    step "networks-$precision" 45 "$bench" step inference --device "$device" --precision $precision --seconds 0.5 \
        "${networks[@]}" --json "$results/networks-$precision.json"
    step "kernels-$precision" 25 "$bench" kernels --device "$device" --precision $precision --seconds 0.05 --no-pytorch \
        --json "$results/kernels-$precision.json"
    [[ $precision == bf16 ]] && step conformance 75 "$bench" check --device "$device" --no-pytorch \
        --json "$results/conformance.json"
done

# The time that is left for reading must not depend on how much was measured.
deadline=$((deadline + 30))
timeout -k 5 30 "$bench" summary "$results" >"$results/table.txt" 2>&1 && cat "$results/table.txt"
rm -rf "$results/cache"

{
    printf '{\n  "version": "%s",\n  "device": "%s",\n  "seconds": %d,\n  "steps": [' \
        "$(tr -d '\n"\\' <"$here/VERSION")" "$device" "$((SECONDS - started))"
    separator=
    while IFS=$'\t' read -r name verdict seconds; do
        printf '%s\n    {"name": "%s", "result": "%s", "seconds": %d}' "$separator" "$name" "$verdict" "$seconds"
        separator=,
    done <"$results/steps.tsv"
    printf '\n  ]\n}\n'
} >"$results/steps.json"
rm "$results/steps.tsv"
total=$(grep -c '"name"' "$results/steps.json")
echo "$((total - failed)) of $total steps passed in $((SECONDS - started)) s; everything is in $results"
((failed == 0))
