#!/usr/bin/env bash
# Builds etcd and kube-apiserver, which the tests of tests/kube start on this machine, and Helm's
# engine, with which they render the chart; kubectl's reader of YAML, with which `portcullis-yaml`
# compares the engine; and fetches the CustomResourceDefinitions of ClusterNetworkPolicy, which they
# install.
# They are kept outside the tree, with a stamp of what they were built from; a second run takes a second.
# Leaves with 3 where Go is missing or too old: those tests are then skipped, and nothing else needs it.
set -euo pipefail
. "$(dirname "$0")/lib.sh"

OUT=$TOOLS/kube
NO_GO=3

have go || {
  echo "portcullis: Go is missing, so no API server can be built: install it from https://go.dev" >&2
  exit "$NO_GO"
}
# An older Go could fetch the one that it needs; that is for its owner to decide.
least=$(sed -n 's/^go \([0-9]*\.[0-9]*\).*$/\1/p' tests/kube/*/go.mod | sort -t. -k1,1n -k2,2n | tail -n 1)
version=$(GOTOOLCHAIN=local go env GOVERSION)
version=${version#go}
at_least "${version%%[!0-9.]*}" "$least" || {
  echo "portcullis: Go $version is too old to build an API server, Go $least is needed: https://go.dev" >&2
  exit "$NO_GO"
}

# go_tool NAME PACKAGE TIME [LDFLAG...]: builds PACKAGE of the module in tests/kube, as NAME.
go_tool() {
  local name=$1 package=$2 minutes=$3 key start=$SECONDS module=$ROOT/tests/kube/${1#kube-}
  shift 3
  key="$(go env GOVERSION) $* $(cat "$module"/go.mod "$module"/go.sum "$module"/*.go | cksum)"
  [ -x "$OUT/$name" ] && [ "$(cat "$OUT/$name.stamp" 2>/dev/null)" = "$key" ] && return
  say "Building $name, once (about $minutes on two cores)"
  (cd "$module" && quietly "go-$name" go build -trimpath -ldflags "-s -w $*" -o "$OUT/$name" "$package") ||
    missing "$name could not be built, see above; can Go download modules here?"
  echo "$key" >"$OUT/$name.stamp"
  say "Built $name in $((SECONDS - start)) s, $(($(wc -c <"$OUT/$name") / 1000000)) MB: $OUT/$name"
}

# The version that the server gives of itself; without it, it would give none.
version=$(sed -n 's/^require k8s.io\/kubernetes \(v[0-9.]*\)$/\1/p' tests/kube/apiserver/go.mod)
IFS=. read -r major minor _ <<<"${version#v}"
NAMED=k8s.io/component-base/version

# go_files MODULE FOLDER NAME: takes NAME of each folder in FOLDER of a Go module, as
# $OUT/crds/THAT-FOLDER.yaml. Their version is the one in tests/kube/crds/go.mod.
go_files() {
  local module=$ROOT/tests/kube/crds key from channel
  key=$(cat "$module"/go.mod "$module"/go.sum | cksum)
  [ "$(cat "$OUT/crds/stamp" 2>/dev/null)" = "$key" ] && return
  (cd "$module" && quietly go-crds go mod download "$1") ||
    missing "$1 could not be fetched, see above; can Go download modules here?"
  from=$(cd "$module" && go list -m -f '{{.Dir}}' "$1")
  mkdir -p "$OUT/crds"
  for channel in "$from/$2"/*/; do
    cp "$channel$3" "$OUT/crds/$(basename "$channel").yaml"
  done
  chmod u+w "$OUT"/crds/*.yaml
  echo "$key" >"$OUT/crds/stamp"
}

mkdir -p "$OUT"
go_files sigs.k8s.io/network-policy-api config/crd policy.networking.k8s.io_clusternetworkpolicies.yaml
go_tool etcd . "half a minute"
go_tool helm . "a minute"
go_tool yaml . "ten seconds"
go_tool kube-apiserver k8s.io/kubernetes/cmd/kube-apiserver "five minutes" \
  "-X $NAMED.gitVersion=$version -X $NAMED.gitMajor=$major -X $NAMED.gitMinor=$minor"
