//go:build tools

// Package apiserver names what scripts/build-kube.sh builds, so that go.mod keeps its version.
package apiserver

import _ "k8s.io/kubernetes/cmd/kube-apiserver"
