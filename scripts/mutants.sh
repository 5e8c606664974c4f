#!/usr/bin/env bash
# Mutation tests: changes the engine in one small way after the other, and says which changes no
# test noticed.
#   scripts/mutants.sh MODULE [SHARD] [OPTION...]
#     MODULE   a module of the engine: verdict, policy, reach, selector, net, cluster, ...
#     SHARD    a part of its mutants, as 0/4 to 3/4; left out: all of them
#     OPTION   for cargo mutants, for example --list, or --iterate: only those not yet caught
#   JUDGES=deep asks agreement, the cluster kept up to date and the oracle too, on 40 clusters and
#   every feature: several times slower.
# What was found is in target/mutation/MODULE/mutants.out. About ten seconds for each mutant.
# Ends with 0 if all were caught, 2 if some were missed, 3 if some ran out of time.
set -euo pipefail
. "$(dirname "$0")/lib.sh"

case ${1:-} in
  '' | -h | --help)
    sed -n '2,/^set/{/^set/d;s/^# \{0,1\}//;p;}' "$0"
    exit 0
    ;;
esac
module=$1
shift
[ -e "engine/src/$module.rs" ] || [ -d "engine/src/$module" ] || missing "the engine has no module $module"
options=(--package portcullis-engine --output "target/mutation/$module" --jobs 1)
options+=(--file "engine/src/$module.rs" --file "engine/src/$module/**")
case ${1:-} in
  */*)
    options+=(--shard "$1")
    shift
    ;;
esac
export CLUSTERS=${CLUSTERS:-40}
if [ "${JUDGES:-}" = deep ]; then
  for judge in agreement live agree oracle; do options+=(--cargo-arg="--test=$judge"); done
  for tests in dataplane-tests oracle; do options+=(--cargo-arg="--package=portcullis-$tests"); done
fi
scripts/setup.sh mutants
mkdir -p "target/mutation/$module"
# A mutant that never stops to allocate must not take the machine along.
ulimit -v 12000000 2>/dev/null || true
exec cargo mutants "${options[@]}" "$@"
